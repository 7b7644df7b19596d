import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { Command } from 'commander';
import type { Repair } from '../library/libraries.ts';
import { askYesNo, canAsk } from '../output/terminal/ask.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import type { Lease } from '../store/port.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption, modelOption } from './flags/options.ts';
import { openSession } from './session.ts';

const GOOD = ['ok  ', 'green'] as const;
const WARNING = ['WARN', 'yellow'] as const;
const BAD = ['FAIL', 'red'] as const;

export function doctorCommand(act: Act): Command {
  return new Command('doctor')
    .description('check every part that curate needs, and say what to do about what fails')
    .option('--repair', 'also look for rows of the index that belong to no library or are there twice, and remove them')
    .option('--yes', 'with --repair: remove them without asking')
    .addOption(modelOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('curate doctor', 'curate doctor --repair'))
    .action(act(doctor));
}

interface DoctorFlags {
  repair?: boolean;
  yes?: boolean;
  model?: string;
  json?: boolean;
}

async function doctor(context: Context, flags: DoctorFlags): Promise<ExitCode> {
  const { world } = context;
  const settings = context.settings({ model: flags.model });
  const [
    { diagnose, isHealthy },
    { doctorDocument },
    { resolveModel, verifyModel },
    { openEmbedder },
    { openStoreHere },
    { storeScreen },
    { checkImageModel },
    { activeModel },
  ] = await Promise.all([
    import('../library/diagnose.ts'),
    import('../output/documents/library.ts'),
    import('../embedding/models.ts'),
    import('../embedding/embedder.ts'),
    import('../library/session.ts'),
    import('../output/terminal/store-events.ts'),
    import('../picture/openai/model-check.ts'),
    import('../library/active-model.ts'),
  ]);
  const graphs = join(settings.paths.cache, 'models');
  const findings = await diagnose(world, {
    settings,
    findModel: async () => {
      const active = settings.model ?? (await activeModel(settings).catch(() => null)) ?? undefined;
      const model = await verifyModel(await resolveModel(world, settings, active));
      // Made again from the file just verified: too large to be verified at every start, they may have been damaged.
      await rm(graphs, { recursive: true, force: true }).catch(() => undefined);
      return model;
    },
    openEmbedder: (model) => openEmbedder(world, model, { jobs: 1, cacheDir: graphs }),
    openStore: () => openStoreHere(world, settings, storeScreen(world)),
    checkImageModel: () => checkImageModel(world, settings),
  });
  const healthy = isHealthy(findings);
  const repaired = flags.repair ? await repair(context, flags) : null;
  if (flags.json) {
    writeJson(world, doctorDocument(findings, repaired));
  } else {
    const color = world.stdout.isTTY && !settings.noColor;
    for (const { part, ok, detail, remedy } of findings) {
      const [word, hue] = ok ? (remedy === null ? GOOD : WARNING) : BAD;
      world.stdout.write(`${color ? styleText(hue, word) : word}  `);
      writeLine(world.stdout, `${part}: ${detail}`);
      if (remedy !== null) writeLine(world.stdout, `      ${remedy}`);
    }
  }
  if (repaired !== null && !flags.json) writeLine(world.stdout, `The index: ${repairLine(repaired)}`);
  return healthy ? ExitCode.done : ExitCode.failed;
}

async function repair(context: Context, flags: DoctorFlags): Promise<Repair> {
  const { world } = context;
  const session = await openSession(world, context.settings({ model: flags.model }));
  const { repairStore } = await import('../library/libraries.ts');
  const onWait = (lease: Lease | null): void =>
    writeLine(world.stderr, `${lease?.holder ?? 'curate index'} is at work; waiting for it to end.`);
  const confirm = async (found: Omit<Repair, 'removed'>): Promise<boolean> => {
    if (flags.yes) return true;
    writeLine(world.stderr, repairLine({ ...found, removed: 0 }));
    const onCancel = 'Interrupted; nothing was removed.';
    return canAsk(world) && askYesNo(world, { message: 'Remove these rows? No photo is touched.', onCancel });
  };
  try {
    return await repairStore({ world, session, signal: world.interrupted, onWait }, confirm);
  } finally {
    await session.close();
  }
}

function repairLine({ orphans, doubled, removed }: Repair): string {
  if (orphans + doubled === 0) return 'no row belongs to no library, and none is there twice.';
  const found = `${count(orphans, 'row')} of libraries that are gone, ${doubled} of photos that are there twice`;
  return removed === 0 ? `${found}.` : `${found}: removed.`;
}
