import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import { writeJson, writeLine } from '../output/streams.ts';
import { bytes, count } from '../output/text.ts';
import type { IndexedModel } from '../store/port.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption, modelOption } from './options.ts';
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
  try {
    const { store, table } = await session.index();
    const { folderBytes } = await import('../library/folder-bytes.ts');
    const { data, cache } = session.settings.paths;
    const { id, sha256, dim } = await session.model();
    const report = {
      schema: 'curate.status/1',
      model: { id, sha256, dim },
      store: { kind: store.kind, uri: session.settings.milvusUri ?? null },
      libraries: await Promise.all(
        (await store.libraries()).map(async ({ id: libraryId, name, root }) => ({
          name,
          root,
          photos: await table.count(libraryId),
          available: await stat(root).then(
            () => true,
            () => false,
          ),
        })),
      ),
      collections: await store.models(),
      sizes: { dataBytes: await folderBytes(data), cacheBytes: await folderBytes(cache) },
      folders: { data, cache },
    };
    if (flags.json) writeJson(world, report);
    else print(world.stdout, report);
    return ExitCode.done;
  } finally {
    await session.close();
  }
}

interface Report {
  readonly model: { readonly id: string; readonly sha256: string; readonly dim: number };
  readonly store: { readonly kind: string; readonly uri: string | null };
  readonly libraries: readonly { name: string; root: string; photos: number; available: boolean }[];
  readonly collections: readonly IndexedModel[];
  readonly sizes: { readonly dataBytes: number; readonly cacheBytes: number };
  readonly folders: { readonly data: string; readonly cache: string };
}

const STORES: Readonly<Record<string, string>> = {
  lite: 'Milvus Lite, embedded',
  server: 'Milvus server',
  zilliz: 'Zilliz Cloud',
};

function print(out: NodeJS.WriteStream, report: Report): void {
  const { model, store, libraries, collections, sizes, folders } = report;
  const line = (label: string, text: string): void => writeLine(out, `${label.padEnd(10)} ${text}`);
  line('Model', `${model.id} (${model.dim}-d, ${model.sha256.slice(0, 12)})`);
  line('Store', `${STORES[store.kind] ?? store.kind}${store.uri === null ? '' : ` at ${store.uri}`}`);
  if (libraries.length === 0) line('Libraries', 'none yet: curate index FOLDER');
  for (const [index, { name, root, photos, available }] of libraries.entries()) {
    line(index === 0 ? 'Libraries' : '', `${name}: ${count(photos, 'photo')}  ${root}${available ? '' : '  (away)'}`);
  }
  for (const { model: other, photos } of collections) {
    if (other.sha256 !== model.sha256) line('Also', `${count(photos, 'photo')} embedded with ${other.id}`);
  }
  line('Data', `${bytes(sizes.dataBytes)}  ${folders.data}`);
  line('Cache', `${bytes(sizes.cacheBytes)}  ${folders.cache}`);
}
