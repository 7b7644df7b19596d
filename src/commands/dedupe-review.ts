import stringWidth from 'string-width';
import { usageError } from '../errors.ts';
import { type Decision, decide, readDecisions, type Verdict } from '../library/dedupe/decisions.ts';
import { freedBy, type Group, type GroupPhoto } from '../library/dedupe/groups.ts';
import type { DedupePlan } from '../library/dedupe/plan.ts';
import { askOne, canAsk } from '../output/terminal/ask.ts';
import { renderGroup, rolesOf } from '../output/terminal/dedupe-table.ts';
import { drawGrid, placeFor, sixelOn } from '../output/terminal/picture-grid.ts';
import { shortenPath } from '../output/terminal/shorten.ts';
import type { CellPixels } from '../output/terminal/sixel.ts';
import { writeLine } from '../output/terminal/streams.ts';
import { terminalOf } from '../output/terminal/terminal.ts';
import { bytes, count } from '../output/text.ts';
import type { RenderPhoto } from '../photos/render.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';

interface Review {
  readonly world: World;
  readonly settings: Settings;
  readonly render: RenderPhoto;
  /** Whether those that may go are moved at the end. */
  readonly moves: boolean;
}

/** @throws UserError `usage` where nobody can be asked */
export function demandReviewer(world: World): void {
  if (!canAsk(world)) throw usageError('--review needs a terminal to ask on.', 'Leave it out to see the plan.');
}

/**
 * Asks group by group what is to become of it. Each answer is kept at once, whatever happens then; nothing is moved.
 * @returns the plan as the answers have it
 * @throws UserError `interrupted` when the person leaves by Ctrl-C; the answers so far are kept
 */
export async function reviewPlan(plan: DedupePlan, review: Review): Promise<DedupePlan> {
  const { world, settings } = review;
  const deps = { data: settings.paths.data, pid: world.pid, signal: new AbortController().signal };
  const tally = { go: 0, keep: 0, skip: 0 };
  const skipped = new Set<string>();
  /** Asked once, when the first group is about to be drawn. */
  let sixel: Promise<CellPixels | null> | null = null;
  let decisions = await readDecisions(deps.data);
  let current = plan;
  const agreed = plan.groups.filter((group) => group.agreed !== null).length;
  if (agreed > 0) writeLine(world.stderr, `${count(agreed, 'group')} answered before: the others there may go.`);
  for (;;) {
    const open = current.groups.filter((group) => group.agreed === null && !skipped.has(keyOf(group)));
    const [group] = open;
    if (group === undefined) break;
    const answered = tally.go + tally.keep + tally.skip;
    const place = { number: answered + 1, of: answered + open.length, kept: tally.go + tally.keep };
    sixel ??= terminalOf(world, world.stderr, settings).color ? sixelOn(onStderr(world)) : Promise.resolve(null);
    const asked = { ...review, sixel: await sixel };
    const answer = await answerOf(group, { plan: current, decisions }, place, asked);
    if (answer === 'stop') break;
    if (answer === 'skip') {
      skipped.add(keyOf(group));
      tally.skip += 1;
      continue;
    }
    tally[answer.go.length === 0 ? 'keep' : 'go'] += 1;
    decisions = [...decisions, await decide(answer, world.now(), deps)];
    current = current.by(decisions);
  }
  const left = current.groups.filter((group) => group.agreed === null).length;
  writeLine(
    world.stderr,
    `Of ${count(tally.go, 'group')} the others may go, ${tally.keep} ${tally.keep === 1 ? 'is' : 'are'} kept whole, ${left} left to judge.`,
  );
  return current;
}

interface Asked extends Review {
  /** For a terminal that draws sixels. */
  readonly sixel: CellPixels | null;
}

/** The world with the terminal for questions and pictures: standard output is for the plan. */
function onStderr(world: World): World {
  return { ...world, stdout: world.stderr };
}

/** What tells a group that was skipped from others. */
function keyOf({ keeper, others }: Group): string {
  return [keeper, ...others].map(({ file }) => file).join('\0');
}

interface Standing {
  readonly plan: DedupePlan;
  readonly decisions: readonly Decision[];
}

interface Place {
  /** From 1. */
  readonly number: number;
  readonly of: number;
  /** How many answers are kept already. */
  readonly kept: number;
}

async function answerOf(
  asked: Group,
  { plan, decisions }: Standing,
  place: Place,
  review: Asked,
): Promise<Verdict | 'skip' | 'stop'> {
  const { world } = review;
  const answers = place.kept === 1 ? '1 answer is' : `${place.kept} answers are`;
  const onCancel = `Interrupted; ${answers} kept, nothing was moved. Run it again to go on.`;
  let group = asked;
  for (;;) {
    await show(group, place, review);
    const message = `Group ${place.number} of ${place.of}: what is to become of it?`;
    const answer = await askOne(world, { message, onCancel }, choicesOn(group, review));
    if (answer === 'go') return verdict(group, [group.keeper], group.others);
    if (answer === 'keep') return verdict(group, [group.keeper, ...group.alsoKept, ...group.others, ...group.kept], []);
    if (answer !== 'other') return answer;
    const chosen = await askKeeper(group, onCancel, world);
    if (chosen === null) continue;
    const rest = [group.keeper, ...group.alsoKept, ...group.others].filter((photo) => photo !== chosen);
    const wish = { id: Number.MAX_SAFE_INTEGER, decided: '', ...verdict(group, [chosen], rest) };
    const found = plan.by([...decisions, wish]).groups.find(({ keeper }) => keeper.file === chosen.file);
    if (found === undefined) {
      writeLine(world.stderr, `Nothing would go for ${chosen.file}: the others are protected, or not like it.`);
      continue;
    }
    const going = new Set(found.others.map(({ file }) => file));
    const staying = rest.filter(({ file }) => !going.has(file));
    for (const { file } of staying) writeLine(world.stderr, `${file} stays: it is not like that one, or protected.`);
    group = found;
  }
}

function verdict({ kind }: Group, keep: readonly GroupPhoto[], go: readonly GroupPhoto[]): Verdict {
  const decided = ({ sha256, file }: GroupPhoto): { sha256: string; path: string } => ({ sha256, path: file });
  return { kind, keep: keep.map(decided), go: go.map(decided) };
}

type Choice = 'go' | 'keep' | 'other' | 'skip' | 'stop';

function choicesOn(group: Group, { moves }: Review): readonly { value: Choice; label: string }[] {
  const { others, isLarge } = group;
  const freed = bytes(freedBy([group]));
  const going = others.length === 1 ? 'the other' : `the ${count(others.length, 'other')}`;
  const go = moves ? `Move ${going} at the end (${freed})` : `Let ${going} go (${freed})`;
  const toGo = others.length === 0 ? [] : [{ value: 'go' as const, label: go }];
  // The first is marked: so many photos are not to go at a slip of a key.
  return [
    ...(isLarge ? [] : toGo),
    { value: 'keep', label: 'Keep all, and ask no more' },
    { value: 'other', label: 'Choose another one to stay' },
    { value: 'skip', label: 'Skip it this time' },
    ...(isLarge ? toGo : []),
    { value: 'stop', label: 'Stop here' },
  ];
}

/** Null for none. */
async function askKeeper(group: Group, onCancel: string, world: World): Promise<GroupPhoto | null> {
  const room = (world.stderr.columns || 80) - MENU_MARGIN;
  const photos = rolesOf(group).map(({ photo }, i) => ({ photo, number: i + 1 }));
  const label = ({ file }: GroupPhoto, number: number): string =>
    `${String(number).padStart(2)}  ${shortenPath(file, room, stringWidth)}`;
  return askOne<GroupPhoto | null>(world, { message: 'Which one is to stay?', onCancel }, [
    ...photos.slice(1).map(({ photo, number }) => ({ value: photo, label: label(photo, number) })),
    { value: null, label: 'Back' },
  ]);
}

/** Cells of a menu before a path and behind it. */
const MENU_MARGIN = 11;
/** More photos of a group are not drawn. */
const DRAWN = 12;
/** Lines of the title and the question. */
const MENU_LINES = 12;

/** The group's pictures where the terminal draws them, and what is known of each. */
async function show(group: Group, { number, of }: Place, { world, settings, render, sixel }: Asked): Promise<void> {
  const terminal = terminalOf(world, world.stderr, settings);
  const columns = terminal.columns ?? 80;
  const text = `\n${renderGroup({ ...group, isLarge: false }, `Group ${number} of ${of}. `, terminal, true)}`;
  if (!terminal.color) {
    world.stderr.write(text);
    return;
  }
  const [, title = '', ...lines] = text.split('\n');
  world.stderr.write(`\n${title}\n`);
  const photos = rolesOf(group)
    .slice(0, DRAWN)
    .map(({ role, photo }, i) => ({ file: photo.file, label: `${i + 1} ${role}`, available: true }));
  const height = (world.stderr.rows || 24) - lines.length - MENU_LINES;
  await drawGrid(onStderr(world), render, photos, columns, {
    cells: placeFor(photos.length, { width: columns, height }),
    sixel,
  });
  world.stderr.write(lines.join('\n'));
}
