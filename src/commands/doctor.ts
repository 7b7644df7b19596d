import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { Command } from 'commander';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption, modelOption } from './flags/options.ts';

export function doctorCommand(act: Act): Command {
  return new Command('doctor')
    .description('check every part that curate needs, and say what to do about what fails')
    .addOption(modelOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('curate doctor'))
    .action(act(doctor));
}

async function doctor(context: Context, flags: { model?: string; json?: boolean }): Promise<ExitCode> {
  const { world } = context;
  const settings = context.settings({ model: flags.model });
  const [
    { diagnose, isHealthy },
    { doctorDocument },
    { resolveModel, verifyModel },
    { openEmbedder },
    { openStore },
    { storeScreen },
    { checkImageModel },
  ] = await Promise.all([
    import('../library/diagnose.ts'),
    import('../output/documents/library.ts'),
    import('../embedding/models.ts'),
    import('../embedding/embedder.ts'),
    import('../store/open.ts'),
    import('../output/terminal/store-events.ts'),
    import('../picture/openai/model-check.ts'),
  ]);
  const graphs = join(settings.paths.cache, 'models');
  const findings = await diagnose(world, {
    settings,
    findModel: async () => {
      const model = await verifyModel(await resolveModel(world, settings, settings.model));
      // Made again from the file just verified: too large to be verified at every start, they may have been damaged.
      await rm(graphs, { recursive: true, force: true }).catch(() => undefined);
      return model;
    },
    openEmbedder: (model) => openEmbedder(world, model, { jobs: 1, cacheDir: graphs }),
    openStore: () => openStore(world, settings, storeScreen(world)),
    checkImageModel: () => checkImageModel(world, settings),
  });
  const healthy = isHealthy(findings);
  if (flags.json) {
    writeJson(world, doctorDocument(findings));
  } else {
    const color = world.stdout.isTTY && !settings.noColor;
    const mark = (ok: boolean): string => {
      const word = ok ? 'ok  ' : 'FAIL';
      return color ? styleText(ok ? 'green' : 'red', word) : word;
    };
    for (const { part, ok, detail, remedy } of findings) {
      world.stdout.write(`${mark(ok)}  `);
      writeLine(world.stdout, `${part}: ${detail}`);
      if (remedy !== null) writeLine(world.stdout, `      ${remedy}`);
    }
  }
  return healthy ? ExitCode.done : ExitCode.failed;
}
