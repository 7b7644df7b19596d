import { basename, dirname, join, resolve } from 'node:path';
import type { Action } from '../library/act/act.ts';
import { once } from '../library/once.ts';
import type { QueryTerm } from '../library/query/resolve.ts';
import type { Answer, QuerySearch } from '../library/query/search.ts';
import type { SearchOrder } from '../library/ranking/ranker.ts';
import type { Session } from '../library/session.ts';
import { type SearchResultRow, scoreText } from '../output/result-row.ts';
import type { SheetContents } from '../output/sheet/contents.ts';
import type { OneOfMany } from '../output/terminal/formats.ts';
import type { Progress } from '../output/terminal/progress.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { canDraw } from '../output/terminal/terminal.ts';
import type { RenderPhoto } from '../photos/render.ts';
import type { World } from '../world.ts';
import { type Acted, act as actOnPhotos } from './act.ts';
import type { Context } from './command.ts';
import { ExitCode } from './exit-code.ts';
import type { ActFlags } from './flags/act.ts';
import { type FilterFlags, filtersGiven, isDated, missingFolders, wantsRaws } from './flags/filter.ts';
import { type FormatFlags, isForPrograms, layoutOf, listFormat } from './flags/format.ts';
import type { Asked, QueryFlags } from './flags/query.ts';
import { type SheetFlags, sheetWishes } from './flags/sheet.ts';
import type { SpreadFlags } from './flags/spread.ts';

export interface SearchFlags extends FilterFlags, QueryFlags, SpreadFlags, FormatFlags, SheetFlags, ActFlags {
  each?: boolean;
  order: SearchOrder;
  exact?: boolean;
  explain?: boolean;
  includeSelf?: boolean;
  model?: string;
  open?: boolean;
  show?: boolean;
}

/** One call of the verb. */
export interface SearchRun {
  readonly context: Context;
  readonly session: Session;
  readonly asked: Asked;
  readonly flags: SearchFlags;
  readonly action: Action | null;
  readonly search: QuerySearch;
  readonly progress: Progress;
  /** World's `elapsed()` at the start. */
  readonly started: number;
}

/** What takes no longer needs no progress. */
const UNSEEN_MS = 1000;

/** Shows how far a search is, once it takes long enough to be noticed. */
export function readProgress(world: World, progress: Progress, started: number): (done: number, total: number) => void {
  return (done, total) => {
    if (total > 1 && world.elapsed() - started > UNSEEN_MS) progress.update(done, total);
  };
}

/** Whether it is to be said of each photo why it was found. */
export function isExplained({ explain = false, fields = [] }: Pick<SearchFlags, 'explain' | 'fields'>): boolean {
  return explain || fields.includes('explanation');
}

/** As `query` of the document has it. */
export function namesOf(terms: readonly QueryTerm[]): string[] {
  return terms.map((term) => (term.kind === 'word' ? term.text : term.name));
}

interface Shown {
  readonly flags: SearchFlags;
  readonly action: Action | null;
  readonly wanted: readonly QueryTerm[];
  readonly answer: Answer;
  readonly elapsedMs: number;
  readonly session: Session;
}

export async function show(context: Context, shown: Shown): Promise<ExitCode> {
  const { flags, action, wanted, answer, elapsedMs, session } = shown;
  const { world } = context;
  const { resultRow, noticeText, followMoves } = await showing();
  const results = answer.results.map(resultRow);
  const sheet = async (moved: Moved = NOTHING_MOVED): Promise<void> => {
    if (flags.sheet === undefined) return;
    await makeSheet(context, flags, await onSheet(sheetOf(world, flags, wanted, answer, results), moved));
  };
  const remembered = remember(session, answer);
  const act = async (): Promise<Acted | null> => {
    await remembered;
    const deed = { action, photos: answer.results, yes: flags.yes };
    if (action?.kind !== 'move') return actOnPhotos(world, session.settings, deed);
    let moved = NOTHING_MOVED;
    try {
      const done = await actOnPhotos(world, session.settings, deed);
      moved = movedBy(done);
      await followMoves(session.settings.paths.data, done?.done ?? []);
      return done;
    } finally {
      // Also of a move that was declined: a sheet was asked for.
      if (!world.interrupted.aborted) await sheet(moved);
    }
  };
  const present = async (acted: Acted | null): Promise<void> => {
    await print(context, { flags, query: namesOf(wanted), answer, acted, elapsedMs, session });
    if (flags.show) await draw(world, located(results, movedBy(acted)));
    for (const notice of answer.notices) writeLine(world.stderr, noticeText(notice));
  };
  if (action?.kind !== 'move') await sheet();
  // Programs are told what was done, and where photos are then; people see first what it is done with.
  const actsFirst = isForPrograms(flags);
  if (!actsFirst) await present(null);
  const acted = action === null ? null : await act();
  if (actsFirst) await present(acted);
  await remembered;
  const best = results[0]?.path ?? '';
  const toOpen = flags.sheet === undefined ? (movedBy(acted).get(best) ?? best) : resolve(world.cwd, flags.sheet);
  if (flags.open && toOpen !== '') {
    const { openFile } = await import('../output/open-file.ts');
    await openFile(world, toOpen);
  }
  if (acted !== null && acted.left > 0) return ExitCode.interrupted;
  if (results.length === 0 && flags.failEmpty) return ExitCode.failed;
  return acted === null || acted.failed.length === 0 ? ExitCode.done : ExitCode.somePhotosFailed;
}

/** Where files are now, by where they were. */
type Moved = ReadonlyMap<string, string>;
const NOTHING_MOVED: Moved = new Map();

function movedBy(acted: Acted | null): Moved {
  return new Map(acted?.kind === 'move' ? acted.done.map(({ from, to }) => [from, to]) : []);
}

/** Photos that were found, where a move has put them. */
function located(rows: readonly SearchResultRow[], moved: Moved): readonly SearchResultRow[] {
  return moved.size === 0 ? rows : rows.map((row) => ({ ...row, path: moved.get(row.path) ?? row.path }));
}

/** What a sheet shows, where a move has put it. */
async function onSheet(contents: SheetContents, moved: Moved): Promise<SheetContents> {
  if (moved.size === 0) return contents;
  const { realPlace } = await import('../library/act/act.ts');
  // A query may have been named by a link to its folder; photos move by their real paths.
  const queries = contents.queries.map(async (file) => {
    const real = join(await realPlace(dirname(file)), basename(file));
    return moved.get(real) ?? file;
  });
  return {
    ...contents,
    queries: await Promise.all(queries),
    results: located(contents.results, moved),
  };
}

interface Printed extends Omit<Shown, 'wanted' | 'action'> {
  readonly query: readonly string[];
  readonly acted?: Acted | null;
  readonly oneOfMany?: OneOfMany;
}

/** The results of an answer are what `@1` and the like mean from now on. */
export async function remember({ settings }: Session, { results }: Answer): Promise<void> {
  const { rememberSearch } = await showing();
  const paths = results.map(({ file }) => file);
  // An answer is worth more than that it can be referred to.
  await rememberSearch(settings.paths.data, paths).catch(() => undefined);
}

/**
 * The modules that show results, loaded while these are searched for. Found once: it takes a module longer than an answer
 * to be found again, and `--each` prints many.
 */
export const showing = once(async () => {
  const [documents, formats, terminal, notices, lastSearch] = await Promise.all([
    import('../output/documents/library.ts'),
    import('../output/terminal/formats.ts'),
    import('../output/terminal/terminal.ts'),
    import('../output/terminal/search-notices.ts'),
    import('../library/query/last-search.ts'),
  ]);
  return { ...documents, ...formats, ...terminal, ...notices, ...lastSearch };
}).get;

/** The results of one query on standard output. */
export async function print(
  { world }: Context,
  { flags, query, answer, acted = null, oneOfMany, elapsedMs, session }: Printed,
): Promise<void> {
  const { resultRow, searchDocument, laidOut, picked, renderAs, terminalOf } = await showing();
  const results = answer.results.map(resultRow);
  const layout = layoutOf(world.cwd, flags);
  // A document has room for both places of a photo that was moved: where it was found, and in `acted` where it is.
  const rows = laidOut(flags.json ? results : located(results, movedBy(acted)), layout);
  const { terms } = answer;
  if (flags.json) {
    const model = await session.model();
    const k = flags.all ? results.length : flags.k;
    const found = searchDocument({ query, terms, k, model, order: flags.order, results: rows, elapsedMs });
    writeJson(world, { ...found, results: picked(rows, layout), ...(acted === null ? {} : { acted }) });
  } else if (flags.print0) {
    for (const { path } of rows) world.stdout.write(`${path}\0`);
  } else {
    if (results.length === 0) {
      writeLine(world.stderr, nothingFound(flags, answer));
      for (const folder of missingFolders(world.cwd, flags)) writeLine(world.stderr, `  There is no folder ${folder}.`);
      if (wantsRaws(flags)) writeLine(world.stderr, '  A RAW file with a JPEG or HEIC beside it is found as that.');
    }
    const terminal = terminalOf(world, world.stdout, session.settings);
    world.stdout.write(
      renderAs(listFormat(flags), rows, layout, {
        terminal,
        fileTimes: isDated(flags),
        explained: flags.fields === undefined && isExplained(flags),
        ...(oneOfMany === undefined ? {} : { oneOfMany }),
      }),
    );
  }
}

function nothingFound(flags: FilterFlags, { closest, by }: Pick<Answer, 'closest' | 'by'>): string {
  const isAlike = by === 'photos' ? 'is that alike' : 'scores that much';
  if (closest !== null) return `No photo ${isAlike}: the best score is ${scoreText(closest)}.`;
  // A query photo is no answer to itself; a word leaves no photo out.
  const other = by === 'words' ? '' : 'other ';
  const filters = filtersGiven(flags);
  return filters === null ? `No ${other}photo is indexed.` : `No ${other}indexed photo passes ${filters}.`;
}

/** Only on a terminal: elsewhere the results are for a program. */
export async function draw(world: World, results: readonly SearchResultRow[]): Promise<void> {
  if (!canDraw(world, world.stdout)) {
    writeLine(
      world.stderr,
      `--show needs a terminal that can draw${world.stdout.isTTY ? ', which TERM=dumb is not' : ''}.`,
    );
    return;
  }
  const [{ drawPhotos }, { openDisplay }] = await Promise.all([
    import('../output/terminal/picture-grid.ts'),
    import('../photos/display.ts'),
  ]);
  const photos = results.map(({ path: file, rank, score, available }) => ({
    file,
    label: `${rank}  ${scoreText(score)}`,
    available,
  }));
  const undrawn = await drawPhotos(world, openDisplay(world), photos);
  for (const { file, reason } of undrawn) writeLine(world.stderr, `${file} ${reason}.`);
}

/** What a sheet shows of one query and its answer. */
export function sheetOf(
  world: World,
  flags: SheetFlags & FilterFlags,
  wanted: readonly QueryTerm[],
  answer: Pick<Answer, 'closest' | 'by'>,
  results: readonly SearchResultRow[],
): SheetContents {
  const nothing = nothingFound(flags, answer).replace(/\.$/, '');
  const queries = wanted.flatMap((term) => (term.kind === 'photo' ? [term.file] : []));
  const words = wanted.flatMap((term) => (term.kind === 'word' ? [term.text] : []));
  return { queries, words, results, nothing, fileTimes: isDated(flags), ...sheetWishes(world.cwd, flags) };
}

export async function makeSheet(
  { world }: Context,
  { sheet = '' }: SheetFlags,
  contents: SheetContents | readonly SheetContents[],
): Promise<void> {
  const [{ writeSheet }, { openDisplay }, { createProgress }, { bytes }] = await Promise.all([
    import('../output/sheet/sheet.ts'),
    import('../photos/display.ts'),
    import('../output/terminal/progress.ts'),
    import('../output/text.ts'),
  ]);
  const sheets = 'length' in contents ? contents : [contents];
  const total = sheets.reduce((sum, { queries, results }) => sum + queries.length + results.length, 0);
  const progress = createProgress(world, 'Drawing the contact sheet');
  const started = world.elapsed();
  const display = openDisplay(world);
  let done = 0;
  const render: RenderPhoto = async (request) => {
    const rendered = await display(request);
    done += 1;
    if (world.elapsed() - started > UNSEEN_MS) progress.update(done, total);
    return rendered;
  };
  const file = resolve(world.cwd, sheet);
  const size = await writeSheet(world, render, file, contents).finally(() => progress.finish());
  writeLine(world.stderr, `Contact sheet: ${sheet} (${bytes(size.bytes)})`);
}
