import { UserError } from '../errors.ts';
import { answerEach, type Query } from '../library/query/each.ts';
import { type QueryTerm, resolveTerm } from '../library/query/resolve.ts';
import { noticeText } from '../output/terminal/search-notices.ts';
import { writeError, writeLine } from '../output/terminal/streams.ts';
import { ExitCode } from './exit-code.ts';
import { listFormat } from './flags/format.ts';
import type { Asked } from './flags/query.ts';
import { namesOf, print, readProgress, type SearchRun } from './search-show.ts';

/** `search --each`: the answers one after the other, as they come, with errors in their places. */
export async function searchEach(run: SearchRun): Promise<ExitCode> {
  const { context, session, asked, flags, search, progress, started } = run;
  const { world } = context;
  const queries = await queriesOf(asked);
  const onRead = readProgress(world, progress, started);
  let outcome: ExitCode = ExitCode.done;
  let since = started;
  let first = true;
  for await (const answered of answerEach({ session, signal: world.interrupted, onRead }, queries, search)) {
    progress.finish();
    if (listFormat(flags) === 'table' && !flags.json && !flags.print0) {
      if (!first) writeLine(world.stdout, '');
      writeLine(world.stdout, `${answered.name}:`);
      first = false;
    }
    const now = world.elapsed();
    if (answered.kind === 'failed') {
      outcome = ExitCode.somePhotosFailed;
      writeError(world, answered.error, flags.json ?? false);
    } else {
      const { name, answer } = answered;
      await print(context, { flags, query: [name], answer, elapsedMs: now - since, session });
      for (const notice of answer.notices) writeLine(world.stderr, noticeText(notice));
    }
    since = now;
  }
  return outcome;
}

/** Each photo of a folder or pattern is a query of its own; what to be away from goes with every one. */
async function queriesOf({ wanted, unwanted, deps }: Asked): Promise<Query[]> {
  const away: QueryTerm[] = [];
  for (const text of unwanted) away.push(...(await resolveTerm(text, true, deps)));
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
