import { Argument, Command } from 'commander';
import { typedPath } from '../files/typed-path.ts';
import type { VerifyReport } from '../library/verify/verify.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import { type Act, type Context, details, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption, modelOption, wholeNumber } from './flags/options.ts';
import { openSession } from './session.ts';

interface VerifyFlags {
  sample: number;
  seed: number;
  model?: string;
  json?: boolean;
}

const DETAILS = `
Takes a sample of the indexed photos, compares the vector of each with a fresh one, and searches with the photo and
with altered copies of it: recompressed, darker, brighter, mirrored, tilted, cropped, shrunk and turned. Nothing is
changed; the copies are made in a temporary folder and removed.

A near-duplicate of the photo (another frame of a burst) counts as the photo. Photos whose drive is away, and photos
that changed since they were indexed, are left out and counted.

Exit code 1 when a vector is not that of its photo, or when a kind of copy is found among the first six so seldom that
chance does not explain it: less than 99 % for the photo itself, 90 % recompressed, darker, brighter or mirrored, 80 %
tilted or cropped to the centre, 70 % cropped to a corner, 60 % as a thumbnail. Photos turned by 90 degrees are shown,
but have no such limit: models of this kind learn from upright photos.
`;

export function verifyCommand(act: Act): Command {
  return new Command('verify')
    .description('check the index on your own photos: how well are altered copies of them found?')
    .addArgument(new Argument('[dir]', 'only photos below this folder (default: every indexed photo)'))
    .option('--sample <n>', 'photos to check at the most', wholeNumber(1, 100_000), 200)
    .option('--seed <n>', 'another number takes another sample', wholeNumber(0, 2 ** 31), 1)
    .addOption(modelOption())
    .addOption(jsonOption())
    .addHelpText('after', details(DETAILS))
    .addHelpText('after', examples('curate verify', 'curate verify ~/Photos/2024 --sample 50 --seed 2'))
    .action(act(verify, { graceful: true }));
}

async function verify(context: Context, folder: string | undefined, flags: VerifyFlags): Promise<ExitCode> {
  const { world } = context;
  const session = await openSession(world, context.settings({ model: flags.model }));
  const { createProgress } = await import('../output/terminal/progress.ts');
  const progress = createProgress(world, 'Verifying');
  try {
    const { verifyIndex } = await import('../library/verify/verify.ts');
    const report = await verifyIndex(
      {
        ...(await session.index()),
        openEmbedder: () => session.openEmbedder(),
        tmp: world.tmp,
        onProgress: (done, total) => progress.update(done, total),
        interrupted: world.interrupted,
      },
      { folder: folder === undefined ? null : typedPath(world.cwd, folder), sample: flags.sample, seed: flags.seed },
    );
    progress.finish();
    const model = await session.model();
    if (flags.json) {
      const { verifyDocument } = await import('../output/documents/library.ts');
      writeJson(world, verifyDocument(report, model, flags.seed));
    } else await show(context, report, model.id);
    return report.healthy ? ExitCode.done : ExitCode.failed;
  } finally {
    progress.finish();
    await session.close();
  }
}

/** Photos with a wrong vector are named up to this many; all of them stand in the JSON. */
const MAX_NAMED = 20;

async function show({ world }: Context, report: VerifyReport, model: string): Promise<void> {
  const { renderScores } = await import('../output/terminal/verify-table.ts');
  const { sample, leftOut, selfMatch, kinds, verdict } = report;
  const { away, changed, unreadable } = leftOut;
  const reasons = [
    ...(away > 0 ? [`${away} on a drive that is away`] : []),
    ...(changed > 0 ? [`${changed} changed since`] : []),
    ...(unreadable > 0 ? [`${unreadable} unreadable`] : []),
  ];
  const passed = reasons.length > 0 ? `; left out: ${reasons.join(', ')}` : '';
  writeLine(world.stdout, `${count(sample, 'photo')} checked with ${model}${passed}.`);
  world.stdout.write(`\n${renderScores(kinds)}\n`);
  const { photos, matched, lowestCosine, mismatched } = selfMatch;
  writeLine(
    world.stdout,
    `${matched} of ${count(photos, 'stored vector')} as made afresh (lowest cosine ${lowestCosine.toFixed(4)}).`,
  );
  for (const file of mismatched.slice(0, MAX_NAMED)) writeLine(world.stdout, `Not its own vector: ${file}`);
  if (mismatched.length > MAX_NAMED) writeLine(world.stdout, '--json names them all.');
  writeLine(world.stdout, verdict);
}
