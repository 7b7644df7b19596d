import { Command } from 'commander';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { bytes } from '../output/text.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './flags/options.ts';

interface JsonFlag {
  json?: boolean;
}

export function modelCommand(act: Act): Command {
  const model = new Command('model').description('list the embedding models, say where one lies, or download one');
  model
    .command('list')
    .description('list the models curate knows')
    .option('--image', 'the image models of comic and refine, with their prices, sizes and ends')
    .addOption(jsonOption())
    .action(act(list));
  model
    .command('path')
    .description("print the absolute path of a model's ONNX file")
    .argument('[id]', 'model id (default: the one in use)')
    .addOption(jsonOption())
    .action(act(path));
  model
    .command('pull')
    .description('download a model, continuing where an earlier try ended')
    .argument('<id>', 'model id')
    .addOption(jsonOption())
    .action(act(pull));
  return model.addHelpText(
    'after',
    examples('curate model list', 'curate model path resnet50', 'curate model pull timm-resnet50'),
  );
}

async function list(context: Context, flags: JsonFlag & { image?: boolean }): Promise<ExitCode> {
  if (flags.image) return listImageModels(context, flags);
  const { world } = context;
  const settings = context.settings();
  const [{ listModels }, { modelsDocument }] = await Promise.all([
    import('../embedding/models.ts'),
    import('../output/documents/library.ts'),
  ]);
  const models = await listModels(settings);
  if (flags.json) {
    writeJson(world, modelsDocument(models));
    return ExitCode.done;
  }
  const { table } = await import('../output/terminal/table.ts');
  const rows = models.map((model) => [
    model.id,
    model.default ? 'default' : '',
    model.path === null ? `pull: ${model.bytes === null ? '?' : bytes(model.bytes)}` : 'here',
    model.licence,
    model.name,
  ]);
  world.stdout.write(table(rows, ['left', 'left', 'left', 'left', 'left', 'left']));
  return ExitCode.done;
}

async function listImageModels({ world }: Context, flags: JsonFlag): Promise<ExitCode> {
  const { readImageModels } = await import('../picture/image-models/image-models.ts');
  const { asOf, default: usual, models } = await readImageModels();
  const today = world.now().toISOString().slice(0, 10);
  if (flags.json) {
    const listed = models.map((model) => ({ ...model, default: model.id === usual, ended: hasEnded(model, today) }));
    writeJson(world, { schema: 'curate.model/1', asOf, models: listed });
    return ExitCode.done;
  }
  const [{ table }, { sizeText }] = await Promise.all([
    import('../output/terminal/table.ts'),
    import('../picture/image-models/size.ts'),
  ]);
  const rows = models
    .filter((model) => !hasEnded(model, today))
    .map(({ id, usdPerMillion: usd, size, qualities, complexity, transparent, ends, successor }) => [
      id === usual ? `${id} (default)` : id,
      usd === null ? 'unknown' : `$${usd.textIn} / $${usd.imageIn} / $${usd.imageOut}`,
      sizeText(size),
      qualities.join(', '),
      [...(complexity === null ? [] : ['complexity']), ...(transparent ? ['transparency'] : [])].join(', '),
      ends === null ? '' : `ends ${ends}, then ${successor ?? usual}`,
    ]);
  const heading = ['Model', 'Text / in / out', 'Sizes', 'Qualities', 'Also', ''];
  world.stdout.write(table([heading, ...rows], []));
  writeLine(world.stderr, `US dollars a million tokens: text, pictures in, pictures out. As of ${asOf}.`);
  return ExitCode.done;
}

function hasEnded({ ends }: { readonly ends: string | null }, today: string): boolean {
  return ends !== null && ends <= today;
}

async function path(context: Context, id: string | undefined, flags: JsonFlag): Promise<ExitCode> {
  const [{ resolveModel }, { modelDocument }] = await Promise.all([
    import('../embedding/models.ts'),
    import('../output/documents/library.ts'),
  ]);
  const model = await resolveModel(context.world, context.settings({ model: id }));
  if (flags.json) writeJson(context.world, modelDocument(model));
  else context.world.stdout.write(`${model.file}\n`);
  return ExitCode.done;
}

async function pull(context: Context, id: string, flags: JsonFlag): Promise<ExitCode> {
  const { world } = context;
  const settings = context.settings();
  const [
    { downloadModel },
    { findEntry, modelFile, resolveModel },
    { proxiedFetch },
    { modelDocument },
    { createProgress },
  ] = await Promise.all([
    import('../embedding/download.ts'),
    import('../embedding/models.ts'),
    import('../network.ts'),
    import('../output/documents/library.ts'),
    import('../output/terminal/progress.ts'),
  ]);
  const entry = await findEntry(id);
  const file = modelFile(entry, settings);
  if (!entry.bundled) {
    const progress = createProgress(world, `Downloading ${id}`, bytes);
    try {
      await downloadModel(world, entry, {
        fetch: await proxiedFetch(world, settings),
        hub: settings.hfEndpoint,
        file,
        onProgress: (received, total) => progress.update(received, total ?? entry.approxBytes),
        onWait: () => progress.note('Another curate is downloading it; waiting for that.'),
      });
    } finally {
      progress.finish();
    }
  }
  const model = await resolveModel(world, settings, id);
  if (flags.json) writeJson(world, modelDocument(model));
  else
    writeLine(world.stdout, entry.bundled ? `${id} comes with curate: ${model.file}` : `${id} is here: ${model.file}`);
  return ExitCode.done;
}
