import { resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { answerEach, type Query } from '../library/query/each.ts';
import { type QueryTerm, type ResolveDeps, resolveTerm } from '../library/query/resolve.ts';
import type { Answer } from '../library/query/search.ts';
import { readWord, withNamesJoined } from '../library/query/terms.ts';
import type { Session } from '../library/session.ts';
import { loadWords, type Words } from '../library/words/vocabulary.ts';
import { resultRow } from '../output/documents/library.ts';
import { openFile } from '../output/open-file.ts';
import type { SheetContents } from '../output/sheet/contents.ts';
import { noticeText } from '../output/terminal/search-notices.ts';
import { writeError, writeLine } from '../output/terminal/streams.ts';
import { canDraw } from '../output/terminal/terminal.ts';
import { ExitCode } from './exit-code.ts';
import { isForPrograms } from './flags/format.ts';
import type { Asked } from './flags/query.ts';
import { draw, makeSheet, namesOf, print, readProgress, remember, type SearchRun, sheetOf } from './search-show.ts';

/** `search --each`: the answers one after the other, as they come, with errors in their places. */
export async function searchEach(run: SearchRun): Promise<ExitCode> {
  const { context, session, asked, flags, search, progress, started } = run;
  const { world } = context;
  const queries = await queriesOf(asked, session);
  const onRead = readProgress(world, progress, started);
  let outcome: ExitCode = ExitCode.done;
  let since = started;
  let isFirst = true;
  let found = 0;
  // What to be away from is part of every query, and said of once.
  const unread = new Set<string>();
  let last: Answer | null = null;
  const groups: SheetContents[] = [];
  let at = -1;
  try {
    for await (const answered of answerEach({ session, signal: world.interrupted, onRead }, queries, search)) {
      progress.finish();
      at += 1;
      if (!isForPrograms(flags)) {
        if (at > 0) writeLine(world.stdout, '');
        writeLine(world.stdout, `${answered.name}:`);
      }
      const now = world.elapsed();
      if (answered.kind === 'failed') {
        outcome = ExitCode.somePhotosFailed;
        writeError(world, answered.error, flags.json ?? false);
      } else {
        const { name, answer } = answered;
        const oneOfMany = { query: name, isFirst };
        await print(context, { flags, query: [name], answer, oneOfMany, elapsedMs: now - since, session });
        // Where there is no terminal, that is said once.
        if (flags.show && (isFirst || canDraw(world, world.stdout))) await draw(world, answer.results.map(resultRow));
        isFirst = false;
        last = answer;
        found += answer.results.length;
        const query = queries[at];
        if (flags.sheet !== undefined && query?.kind === 'terms') {
          const wanted = query.terms.filter(({ weight }) => weight > 0);
          groups.push(sheetOf(world, flags, wanted, answer, answer.results.map(resultRow)));
        }
        for (const notice of answer.notices) {
          if (notice.kind === 'unread') {
            outcome = ExitCode.somePhotosFailed;
            if (unread.has(notice.file)) continue;
            unread.add(notice.file);
          }
          writeLine(world.stderr, noticeText(notice));
        }
      }
      since = now;
    }
  } finally {
    if (last !== null) await remember(session, last);
  }
  if (flags.sheet !== undefined && groups.length > 0) {
    await makeSheet(context, flags, groups);
    if (flags.open) await openFile(world, resolve(world.cwd, flags.sheet));
  }
  return found === 0 && flags.failEmpty && outcome === ExitCode.done ? ExitCode.failed : outcome;
}

/**
 * Each photo of a folder or pattern is a query of its own; what to be away from goes with every one.
 * @throws UserError as `resolveTerm` and `readWord` do of what to be away from, which no query could do without
 */
async function queriesOf({ wanted, unwanted, deps }: Asked, session: Pick<Session, 'model'>): Promise<Query[]> {
  const away = await awayFrom(unwanted, deps, session);
  const queries: Query[] = [];
  for (const text of wanted) {
    try {
      for (const term of await resolveTerm(text, false, deps)) {
        // By itself it has nobody to do without it.
        const alone: QueryTerm = term.kind === 'photo' ? { ...term, oneOfMany: false } : term;
        queries.push({ kind: 'terms', name: namesOf([term]).join(), terms: [alone, ...away] });
      }
    } catch (error) {
      if (!(error instanceof UserError) || error.kind === 'interrupted') throw error;
      queries.push({ kind: 'failed', name: text, error });
    }
  }
  return queries;
}

async function awayFrom(
  unwanted: readonly string[],
  deps: ResolveDeps,
  session: Pick<Session, 'model'>,
): Promise<readonly QueryTerm[]> {
  const terms: QueryTerm[] = [];
  for (const text of unwanted) terms.push(...(await resolveTerm(text, true, deps)));
  const words = async (): Promise<Words> => loadWords(await session.model());
  const away = await withNamesJoined(terms, words);
  for (const term of away) if (term.kind === 'word') readWord(term, await words());
  return away;
}
