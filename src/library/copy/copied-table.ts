import { interruptedError, type UserError } from '../../errors.ts';
import type { PhotoRow, PhotoTable, StoredPhoto } from '../../store/port.ts';

/** Rows of one upsert: on its way each number of a vector takes eight bytes and more, several times over. */
const BATCH = 250;
/** Rows of one page of a listing, without vectors: two tables are listed at once. */
const PAGE = 4000;

export interface CopiedPart {
  /** Id of the library. */
  readonly library: string;
  readonly source: PhotoTable;
  readonly target: PhotoTable;
  /** Whether the target had the library before: then what it alone has stays. */
  readonly joined: boolean;
  readonly signal: AbortSignal;
  /** To be called before every write. */
  changing(): Promise<void>;
  /** So many rows are there now, of which some were written. */
  onRows(rows: number, written: number): void;
}

export interface PartState {
  /** That the source has of it. */
  readonly rows: number;
  /** Ids of some of them. */
  readonly sample: readonly string[];
}

/** One model's rows of one library, on their way from one table to another. */
export class CopiedTable {
  readonly #part: CopiedPart;

  constructor(part: CopiedPart) {
    this.#part = part;
  }

  /** Copies what lies behind the last row that has arrived, in order of id. */
  async fill(): Promise<void> {
    const { library, source, target, joined, signal, onRows } = this.#part;
    let after = '';
    let arrived = 0;
    if (joined && (await target.count(library)) > 0) return;
    for await (const { id } of target.photos(library, PAGE)) {
      if (signal.aborted) throw copyInterrupted();
      after = id;
      arrived += 1;
    }
    onRows(arrived, 0);
    const filter = { within: [{ library, folder: '' }] };
    let batch: PhotoRow[] = [];
    for await (const row of source.all({ vectors: true, filter, after, page: BATCH })) {
      if (batch.push(row) < BATCH) continue;
      await this.#write(batch);
      batch = [];
    }
    await this.#write(batch);
  }

  /**
   * Compares both, row by row and without vectors: copies what is missing or was another, and, unless it joins what was
   * there, removes what is not in the source.
   * @param every so many rows one goes into the sample
   */
  async settle(every: number): Promise<PartState> {
    const { library, source, target, joined, signal } = this.#part;
    const sample: string[] = [];
    let rows = 0;
    let missing: string[] = [];
    let extra: string[] = [];
    for await (const [there, here] of paired(source.photos(library, PAGE), target.photos(library, PAGE))) {
      if (signal.aborted) throw copyInterrupted();
      if (there !== null && rows++ % every === 0) sample.push(there.id);
      if (there === null) extra.push(here.id);
      else if (here === null || !isSame(there, here)) missing.push(there.id);
      if (missing.length === BATCH) {
        await this.#write(await source.rows(missing));
        missing = [];
      }
      if (extra.length === BATCH && !joined) {
        await this.#remove(extra);
        extra = [];
      }
    }
    if (missing.length > 0) await this.#write(await source.rows(missing));
    if (!joined) await this.#remove(extra);
    return { rows, sample };
  }

  async #write(rows: readonly PhotoRow[]): Promise<void> {
    const { target, changing, signal, onRows } = this.#part;
    if (signal.aborted) throw copyInterrupted();
    if (rows.length === 0) return;
    await changing();
    await target.upsert(rows);
    onRows(rows.length, rows.length);
  }

  async #remove(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#part.changing();
    await this.#part.target.remove(ids);
  }
}

type Pair = readonly [StoredPhoto, StoredPhoto | null] | readonly [null, StoredPhoto];

/** Rows of two listings in order of id, those of one id together. */
async function* paired(one: AsyncIterable<StoredPhoto>, other: AsyncIterable<StoredPhoto>): AsyncGenerator<Pair> {
  const [left, right] = [one[Symbol.asyncIterator](), other[Symbol.asyncIterator]()];
  const next = async (rows: AsyncIterator<StoredPhoto>): Promise<StoredPhoto | null> => {
    const { done, value } = await rows.next();
    return done === true ? null : value;
  };
  let [a, b] = [await next(left), await next(right)];
  while (a !== null || b !== null) {
    if (a !== null && (b === null || a.id < b.id)) {
      yield [a, null];
      a = await next(left);
    } else if (b !== null && (a === null || b.id < a.id)) {
      yield [null, b];
      b = await next(right);
    } else if (a !== null && b !== null) {
      yield [a, b];
      [a, b] = [await next(left), await next(right)];
    }
  }
}

function isSame(a: StoredPhoto, b: StoredPhoto): boolean {
  return (
    a.path === b.path && a.sha256 === b.sha256 && a.size === b.size && a.mtimeMs === b.mtimeMs && a.facts === b.facts
  );
}

export function copyInterrupted(): UserError {
  return interruptedError('Interrupted; the same command continues the copy.');
}
