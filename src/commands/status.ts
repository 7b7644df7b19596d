import { Command } from 'commander';
import type { Status } from '../library/status.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { bytes, count } from '../output/text.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption, modelOption } from './flags/options.ts';
import { libraryLine } from './library.ts';
import { openSession } from './session.ts';

export function statusCommand(act: Act): Command {
  return new Command('status')
    .description('show what is indexed, with which model, in which store, and how much space it takes')
    .addOption(modelOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('curate status'))
    .action(act(status));
}

async function status(context: Context, flags: { model?: string; json?: boolean }): Promise<ExitCode> {
  const { world } = context;
  const session = await openSession(world, context.settings({ model: flags.model }));
  const { statusOf } = await import('../library/status.ts');
  try {
    const found = await statusOf(session, world.now().getTime());
    if (flags.json) {
      const { statusDocument } = await import('../output/documents/library.ts');
      writeJson(world, statusDocument(found));
    } else print(world.stdout, found);
    return ExitCode.done;
  } finally {
    await session.close();
  }
}

const STORES: Readonly<Record<string, string>> = {
  lite: 'Milvus Lite, embedded',
  server: 'Milvus server',
  zilliz: 'Zilliz Cloud',
};

function print(out: NodeJS.WriteStream, { model, store, libraries, models, sizes, folders, unlisted }: Status): void {
  const line = (label: string, text: string): void => writeLine(out, `${label.padEnd(10)} ${text}`);
  line('Model', `${model.id} (${model.dim}-d, ${model.sha256.slice(0, 12)})`);
  line(
    'Store',
    [`${STORES[store.kind] ?? store.kind}${store.uri === null ? '' : ` at ${store.uri}`}`, ...spaceOf(store)].join(
      ', ',
    ),
  );
  if (libraries.length === 0) line('Libraries', 'none yet: curate index FOLDER');
  for (const [index, library] of libraries.entries()) line(index === 0 ? 'Libraries' : '', libraryLine(library));
  for (const { model: other, photos } of models) {
    if (other.sha256 !== model.sha256) line('Also', `${count(photos, 'photo')} embedded with ${other.id}`);
  }
  line('Data', `${bytes(sizes.dataBytes)}  ${folders.data}`);
  line('Cache', `${bytes(sizes.cacheBytes)}  ${folders.cache}`);
  for (const folder of unlisted) line('', `not counted, since it cannot be listed: ${folder}`);
}

function spaceOf({ database, prefix }: Status['store']): string[] {
  return [
    ...(database === undefined ? [] : [`database ${database}`]),
    ...(prefix === undefined ? [] : [`collections of ${prefix}`]),
  ];
}
