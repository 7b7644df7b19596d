import { setImmediate as breathe } from 'node:timers/promises';
import type { SearchSimpleReq } from '@zilliz/milvus2-sdk-node';

/** What several searches must have in common to be one request. */
export type SearchTerms = Omit<SearchSimpleReq, 'collection_name' | 'data' | 'anns_field'> & { readonly limit: number };

type Ask<Row> = (vectors: readonly Float32Array[], terms: SearchTerms) => Promise<Row[][]>;

/** Vectors of one request: what they have to be compared with is read once for all of them. */
const MOST_VECTORS = 16;
/** Rows of one answer; with vectors of 8 KB each. */
const MOST_ROWS = 4_000;

interface Waiting<Row> {
  readonly vector: Float32Array;
  resolve(rows: Row[]): void;
  reject(error: unknown): void;
}

/** One request: the searches that it asks for, and what becomes of it. */
interface Request<Row> {
  readonly searches: readonly Waiting<Row>[];
  readonly outcome: Promise<{ readonly answers: Row[][] } | { readonly error: unknown }>;
}

/**
 * Searches that are asked for while another of the same terms is under way go together as the next request, which is
 * sent before its predecessor's answers are looked at: the store is at work meanwhile. A search by itself goes at once.
 * Sixteen vectors together take the embedded store a third of the time they take one by one.
 */
export class JointSearch<Row> {
  readonly #ask: Ask<Row>;
  /** By terms: what waits for the request under way. */
  readonly #waiting = new Map<string, Waiting<Row>[]>();

  /** @param ask gives an answer for each vector, in their order */
  constructor(ask: Ask<Row>) {
    this.#ask = ask;
  }

  search(vector: Float32Array, terms: SearchTerms): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      const key = JSON.stringify(terms);
      const asked = { vector, resolve, reject };
      const waiting = this.#waiting.get(key);
      if (waiting !== undefined) {
        waiting.push(asked);
        return;
      }
      this.#waiting.set(key, [asked]);
      void this.#answer(key, terms);
    });
  }

  /** Never fails: each search is told of its failure. */
  async #answer(key: string, terms: SearchTerms): Promise<void> {
    let request = this.#send(key, terms);
    while (request !== null) {
      const { searches, outcome } = request;
      const became = await outcome;
      request = this.#send(key, terms);
      for (const [i, search] of searches.entries()) {
        if ('error' in became) search.reject(became.error);
        else search.resolve(became.answers[i] ?? []);
        // What is made of an answer takes a while: the first is shown, and the next request goes out, before the second.
        if (i < searches.length - 1) await breathe();
        request ??= this.#send(key, terms);
      }
    }
    this.#waiting.delete(key);
  }

  /** A request of what waits; null when nothing does. */
  #send(key: string, terms: SearchTerms): Request<Row> | null {
    const most = Math.max(1, Math.min(MOST_VECTORS, Math.floor(MOST_ROWS / terms.limit)));
    const searches = this.#waiting.get(key)?.splice(0, most) ?? [];
    if (searches.length === 0) return null;
    const vectors = searches.map(({ vector }) => vector);
    const outcome = this.#ask(vectors, terms).then(
      (answers) => ({ answers }),
      (error: unknown) => ({ error }),
    );
    return { searches, outcome };
  }
}
