import type { Collection, Consistency } from './collection.ts';
import { quote } from './filter.ts';
import type { MilvusRow } from './rows.ts';

/** The most rows Milvus gives to one query or search. */
export const MAX_ROWS = 16_384;

interface Listing {
  readonly fields: readonly string[];
  /** Expression; absent means every row. */
  readonly filter?: string;
  /** Only rows of a greater id. */
  readonly after?: string;
  readonly pageRows?: number;
  readonly consistency?: Consistency;
}

/**
 * All rows in order of id, page by page; `fields` must hold `id`. Only an empty page is the end: servers answer with
 * short ones in the middle of a listing, too (milvus-io/milvus#32059).
 */
export async function* pagesOf(
  collection: Collection,
  { fields, filter = '', after = '', pageRows = MAX_ROWS, consistency = 'Strong' }: Listing,
): AsyncGenerator<MilvusRow[]> {
  for (let last = after; ; ) {
    const beyond = `id > ${quote(last)}`;
    const page = await collection.query({
      filter: filter === '' ? beyond : `${filter} and ${beyond}`,
      fields,
      limit: pageRows,
      sorted: true,
      consistency,
    });
    const end = page.at(-1)?.id;
    if (typeof end !== 'string') return;
    yield page;
    last = end;
  }
}
