import type { SearchSimpleReq } from '@zilliz/milvus2-sdk-node';
import type { MilvusRow } from './rows.ts';

/** What several searches must have in common to be one request. */
export type SearchTerms = Omit<SearchSimpleReq, 'collection_name' | 'data' | 'anns_field'> & { readonly limit: number };

type Ask = (vectors: readonly (readonly number[])[], terms: SearchTerms) => Promise<MilvusRow[][]>;

/** Vectors of one request: what they have to be compared with is read once for all of them. */
const MOST_VECTORS = 32;
/** Rows of one answer; with vectors of 8 KB each. */
const MOST_ROWS = 4_000;

interface Waiting {
  readonly vector: readonly number[];
  resolve(rows: MilvusRow[]): void;
  reject(error: unknown): void;
}

/**
 * Searches that are asked for while another of the same terms is under way go together as the next request. A search
 * by itself goes at once. Sixteen vectors together take the embedded store a fifth of the time they take one by one.
 */
export class JointSearch {
  readonly #ask: Ask;
  /** By terms: what waits for the request under way. */
  readonly #waiting = new Map<string, Waiting[]>();

  /** @param ask gives an answer for each vector, in their order */
  constructor(ask: Ask) {
    this.#ask = ask;
  }

  search(vector: readonly number[], terms: SearchTerms): Promise<MilvusRow[]> {
    return new Promise((resolve, reject) => {
      const key = JSON.stringify(terms);
      const asked = { vector, resolve, reject };
      const waiting = this.#waiting.get(key);
      if (waiting !== undefined) {
        waiting.push(asked);
        return;
      }
      this.#waiting.set(key, [asked]);
      this.#answer(key, terms).finally(() => this.#waiting.delete(key));
    });
  }

  async #answer(key: string, terms: SearchTerms): Promise<void> {
    const most = Math.max(1, Math.min(MOST_VECTORS, Math.floor(MOST_ROWS / terms.limit)));
    const waiting = this.#waiting.get(key) ?? [];
    while (waiting.length > 0) {
      const together = waiting.splice(0, most);
      try {
        const answers = await this.#ask(
          together.map(({ vector }) => vector),
          terms,
        );
        for (const [i, { resolve }] of together.entries()) resolve(answers[i] ?? []);
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
  }
}
