import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { usageError } from '../errors.ts';
import { typedPath } from '../files/typed-path.ts';
import { RULES, type Rule } from '../library/dedupe/keeper.ts';
import type { MovedDoubles } from '../library/dedupe/move.ts';
import type { WrittenPicks } from '../library/dedupe/picks.ts';
import type { DedupePlan } from '../library/dedupe/plan.ts';
import type { DedupeEvent, DedupeRequest } from '../library/dedupe/request.ts';
import { KINDS, type Kind } from '../library/dedupe/stars.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import type { RenderPhoto } from '../photos/render.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import { type Act, type Context, details, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { gather, jsonOption, modelOption, wholeNumber } from './flags/options.ts';
import { openSession } from './session.ts';

interface DedupeFlags {
  against?: string;
  kind?: Kind[];
  protect?: string[];
  prefer?: string[];
  keep?: Rule[];
  best?: number;
  xmp?: string;
  model?: string;
  moveTo?: string;
  yes?: boolean;
  sheet?: string | true;
  open?: boolean;
  review?: boolean;
  decided?: boolean;
  forget?: string[];
  print0?: boolean;
  json?: boolean;
}

const KINDS_OF_GROUPS = `
Kinds:
  identical  the same bytes
  same       the same picture, scaled or compressed, told by its pixels
  burst      alike, and taken within ten seconds by the camera's clock
  similar    alike`;

const DETAILS = `
What stays, unless --keep says otherwise: a protected folder's, a preferred folder's, the original before copies, edits
and exports, most pixels, most metadata (place, rating, keywords, time), of JPEGs the least compressed (not of a burst),
the sharpest, fewest bytes, first by path.

Nothing is ever deleted, and without --move-to nothing is changed. Groups of more than 50 are only shown, and photos
that are merely similar only go when --kind names them. What --review was told to keep never goes, and a group of it
comes back only with a photo that is new.

--best N keeps the N best frames of each burst: the sharpest where the subject is, less what is blown out or black. With
--xmp, sidecars say of them that they were picked, with five stars for the best and four for the others; what a sidecar
says already stays, photos themselves are only read, and "curate undo" takes it back.`;

export function dedupeCommand(act: Act): Command {
  return new Command('dedupe')
    .description('show which photos are double, and which of each group to keep; moves the others when asked to')
    .argument('[folder...]', 'only photos below these indexed folders (default: all that is indexed)')
    .option('--against <folder>', 'only what is there already: photos below this folder stay, and others yield to them')
    .option(
      '--kind <kind,...>',
      `only these kinds: ${KINDS.join(', ')} (default: all; of what is to go, all but similar)`,
      listOf(KINDS),
    )
    .option('--protect <folder>', 'photos below this folder never go (may be repeated)', gather)
    .option('--prefer <folder>', 'keep photos below this folder (may be repeated, the first counts most)', gather)
    .option('--keep <rule,...>', `rules that count first, of: ${CHOICE.join(', ')}`, listOf(CHOICE))
    .option(
      '--best <n>',
      "keep the n best frames of each burst, by their subject's sharpness and what is clipped",
      wholeNumber(1, 1000),
    )
    .option(
      '--xmp <folder>',
      'write the best frames of bursts as picks into XMP sidecars there; "beside" writes them beside the photos',
    )
    .addOption(modelOption())
    .option('--move-to <folder>', 'move what would go there, below the same folders; asks, and can be undone')
    .option('--yes', 'move without asking')
    .option('--sheet [file]', `write a page of the groups with pictures, side by side (default: ${PAGE})`)
    .option('--open', 'open that page when done')
    .option('--review', 'ask group by group, with pictures where the terminal draws; keeps the answers')
    .option('--decided', 'show what you decided in --review, and change nothing')
    .option('--forget <number|all>', 'forget a decision, as --decided numbers them (may be repeated)', gather)
    .option('--print0', 'print what would go: the paths alone, each followed by a NUL, for xargs -0')
    .addOption(jsonOption())
    .addHelpText('after', KINDS_OF_GROUPS)
    .addHelpText('after', details(DETAILS))
    .addHelpText(
      'after',
      examples(
        'curate dedupe',
        'curate dedupe ~/Photos/2024 --kind identical,same',
        'curate dedupe /media/card --against ~/Photos',
        'curate dedupe --sheet doubles.html --open',
        'curate dedupe --kind identical --move-to ~/Doubles',
        'curate dedupe --review --move-to ~/Doubles',
        'curate dedupe ~/Photos/2024-06 --best 2 --xmp beside',
        'curate dedupe --prefer ~/Photos/Best --keep metadata,pixels --json',
      ),
    )
    .action(act(dedupe, { graceful: true }));
}

/** In the current folder. */
const PAGE = 'doubles.html';

/** What may go without being named: photos that are only similar are different photos. */
const SURE = KINDS.filter((kind) => kind !== 'similar');

/** Protected folders come first in any case, the path last. */
const CHOICE = RULES.filter((rule) => rule !== 'protect' && rule !== 'frame' && rule !== 'path');

function listOf<T extends string>(choices: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((name) => {
      const choice = choices.find((one) => one === name.trim());
      if (choice === undefined) throw new InvalidArgumentError(`It must be of: ${choices.join(', ')}.`);
      return choice;
    });
}

async function dedupe(context: Context, folders: string[], flags: DedupeFlags): Promise<ExitCode> {
  const { world } = context;
  if (flags.json && flags.print0) throw usageError('--json and --print0 exclude each other.', 'Choose one.');
  if (flags.xmp !== undefined && flags.best === undefined) {
    throw usageError('--xmp writes what --best finds.', 'Say how many frames of a burst: --best 1');
  }
  if (flags.print0 && flags.moveTo !== undefined) {
    throw usageError('--print0 and --move-to exclude each other.', 'Choose one.');
  }
  if (flags.decided || flags.forget !== undefined) {
    const { decisions } = await import('./dedupe-decisions.ts');
    return decisions(context, flags);
  }
  if (flags.review) await demandReview(world, flags);
  const page = await pageOf(world, flags);
  const [{ planDedupe }, { openDisplay }] = await Promise.all([
    import('../library/dedupe/plan.ts'),
    import('../photos/display.ts'),
  ]);
  const session = await openSession(world, context.settings({ model: flags.model }));
  const screen = await progressScreen(world);
  try {
    const render = openDisplay(world);
    const found = await planDedupe(
      { session, render, signal: world.interrupted, threads: world.cores, onEvent: screen.onEvent },
      requestOf(world.cwd, folders, flags),
    );
    screen.finish();
    const plan = flags.review ? await reviewed(context, found, flags, { settings: session.settings, render }) : found;
    if (!flags.json && !(flags.review && flags.moveTo)) await show(context, plan, flags, session.settings);
    if (page !== null) await writePage(world, page, plan, { render, open: flags.open });
    const picks = await pick(context, plan, flags, session.settings);
    const moved = await move(context, plan, flags, session.settings);
    if (flags.json) await showDocument(world, plan, { moved, picks });
    if (moved !== null && world.interrupted.aborted) return ExitCode.interrupted;
    const failed = [...plan.skipped, ...(moved?.failed ?? []), ...(picks?.failed ?? [])];
    const isWhole = failed.length === 0;
    return isWhole ? ExitCode.done : ExitCode.somePhotosFailed;
  } finally {
    screen.finish();
    await session.close();
  }
}

function requestOf(cwd: string, folders: readonly string[], flags: DedupeFlags): DedupeRequest {
  const absolute = (paths: readonly string[] = []): string[] => paths.map((path) => typedPath(cwd, path));
  return {
    folders: absolute(folders),
    protect: absolute(flags.protect),
    prefer: absolute(flags.prefer),
    kinds: kindsOf(flags),
    keep: flags.keep ?? [],
    ...(flags.best === undefined ? {} : { best: flags.best }),
    ...(flags.against === undefined ? {} : { against: typedPath(cwd, flags.against) }),
  };
}

/** Where the page is to be written, absolute; null when none is asked for. */
async function pageOf({ cwd }: World, { sheet, open }: DedupeFlags): Promise<string | null> {
  if (sheet === undefined) {
    if (open) throw usageError('--open opens the page of --sheet.', 'Add --sheet.');
    return null;
  }
  const { checkDoublesFile } = await import('../output/sheet/doubles.ts');
  const file = resolve(cwd, sheet === true ? PAGE : sheet);
  await checkDoublesFile(file);
  return file;
}

async function writePage(
  world: World,
  file: string,
  plan: DedupePlan,
  { render, open = false }: { readonly render: RenderPhoto; readonly open: boolean | undefined },
): Promise<void> {
  const [{ writeDoubles }, { createProgress }, { bytes }] = await Promise.all([
    import('../output/sheet/doubles.ts'),
    import('../output/terminal/progress.ts'),
    import('../output/text.ts'),
  ]);
  const progress = createProgress(world, 'Drawing the page');
  const onDone = (done: number, total: number): void => progress.update(done, total);
  const size = await writeDoubles(world, file, plan, { render, onDone }).finally(() => progress.finish());
  writeLine(world.stderr, `Page: ${file} (${bytes(size)})`);
  if (open) await (await import('../output/open-file.ts')).openFile(world, file);
}

async function demandReview(world: World, { json, print0 }: DedupeFlags): Promise<void> {
  if (json || print0) throw usageError('--review excludes --json and --print0.', 'Choose one.');
  const { demandReviewer } = await import('./dedupe-review.ts');
  demandReviewer(world);
}

/** The plan as the person has it; where it is to be acted on, what was agreed alone. */
async function reviewed(
  { world }: Context,
  plan: DedupePlan,
  { moveTo }: DedupeFlags,
  { settings, render }: { readonly settings: Settings; readonly render: RenderPhoto },
): Promise<DedupePlan> {
  const [{ reviewPlan }, { freedBy }] = await Promise.all([
    import('./dedupe-review.ts'),
    import('../library/dedupe/groups.ts'),
  ]);
  const moves = moveTo !== undefined;
  const answered = await reviewPlan(plan, { world, settings, render, moves });
  if (!moves) return answered;
  const groups = answered.groups.filter(({ agreed }) => agreed !== null);
  return { ...answered, groups, bytes: freedBy(groups) };
}

function kindsOf({ kind, best, moveTo, print0, review }: DedupeFlags): readonly Kind[] {
  if (best !== undefined && kind?.includes('burst') === false) {
    throw usageError('--best is for bursts.', 'Leave --kind out, or name burst among the kinds.');
  }
  return kind ?? (best !== undefined ? ['burst'] : moveTo === undefined && !print0 && !review ? KINDS : SURE);
}

async function show({ world }: Context, plan: DedupePlan, flags: DedupeFlags, settings: Settings): Promise<void> {
  const [{ merelySimilar, presenceOf, renderGroups, summaryOf }, { terminalOf }] = await Promise.all([
    import('../output/terminal/dedupe-table.ts'),
    import('../output/terminal/terminal.ts'),
  ]);
  if (flags.print0) for (const path of filesToGo(plan)) world.stdout.write(`${path}\0`);
  // The page stands in the table's place.
  else if (flags.sheet === undefined) world.stdout.write(renderGroups(plan, terminalOf(world, world.stdout, settings)));
  for (const { path, reason } of plan.skipped) writeLine(world.stderr, `Left out: ${path} ${reason}.`);
  for (const path of plan.otherNames)
    writeLine(world.stderr, `Left out: ${path} is another name of a file, no double.`);
  for (const line of summaryOf(plan)) writeLine(world.stderr, line);
  const similar = flags.kind === undefined ? merelySimilar(plan) : null;
  if (similar !== null) writeLine(world.stderr, similar);
  for (const line of presenceOf(plan)) writeLine(world.stderr, line);
}

async function showDocument(
  world: World,
  plan: DedupePlan,
  done: { readonly moved: MovedDoubles | null; readonly picks: WrittenPicks | null },
): Promise<void> {
  const { dedupeDocument } = await import('../output/documents/dedupe.ts');
  writeJson(world, dedupeDocument(plan, done.moved, done.picks));
}

async function pick(
  { world }: Context,
  plan: DedupePlan,
  { xmp }: DedupeFlags,
  settings: Settings,
): Promise<WrittenPicks | null> {
  if (xmp === undefined) return null;
  const { pickPlanned } = await import('./dedupe-picks.ts');
  return pickPlanned(world, settings, plan, xmp === 'beside' ? null : typedPath(world.cwd, xmp));
}

async function move(
  { world }: Context,
  plan: DedupePlan,
  { moveTo, yes = false }: DedupeFlags,
  settings: Settings,
): Promise<MovedDoubles | null> {
  if (moveTo === undefined) return null;
  const { movePlanned } = await import('./dedupe-move.ts');
  return movePlanned(world, settings, plan, { folder: typedPath(world.cwd, moveTo), yes });
}

/** Each once, photos with what lies beside them; nothing of a group that is too large. */
function filesToGo({ groups }: DedupePlan): Set<string> {
  return new Set(
    groups.filter(({ isLarge }) => !isLarge).flatMap(({ others }) => others.flatMap(({ files }) => files)),
  );
}

const STAGES: Readonly<Record<DedupeEvent['kind'], string>> = {
  listing: 'Reading the index',
  comparing: 'Comparing all with all',
  inspecting: 'Reading the photos that are alike',
  confirming: 'Comparing their pixels',
  judging: 'Judging the frames of bursts',
};

/** A progress line for each stage in turn. */
async function progressScreen(world: World): Promise<{ onEvent(event: DedupeEvent): void; finish(): void }> {
  const { createProgress } = await import('../output/terminal/progress.ts');
  let stage: DedupeEvent['kind'] | null = null;
  let progress: ReturnType<typeof createProgress> | null = null;
  return {
    onEvent: (event) => {
      if (event.kind !== stage || progress === null) {
        progress?.finish();
        progress = createProgress(world, STAGES[event.kind]);
        stage = event.kind;
      }
      if (event.kind === 'comparing') progress.update(Math.round(event.share * 100), 100);
      else progress.update(event.done, event.total);
    },
    finish: () => progress?.finish(),
  };
}
