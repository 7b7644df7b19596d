import { METRIC, searchParams } from './capabilities.ts';
import type { Collection } from './collection.ts';
import { MAX_ROWS, pagesOf } from './pages.ts';
import { productsOf } from './products.ts';

/** Rows of a block on average: as ids are hashes, no block has half a thousand more. */
const BLOCK_ROWS = 12_000;
/** Rows of one page with vectors, of 8 KB each. */
const VECTOR_ROWS = 4_000;
/** Indexes that score what they look at by the vectors themselves, not by abridged ones. */
const TRUE_SCORES = /^(HNSW|FLAT|IVF_FLAT)\b/;

export interface Scored {
  readonly id: string;
  /** Inner product. */
  readonly score: number;
}

/** A part of the rows, at most as many as one answer holds. */
export interface Block {
  /** Expression that lets them through. */
  readonly filter: string;
  /** How many they are. */
  readonly rows: number;
}

/** All rows that `filter` lets through, in blocks by ranges of their ids. */
export async function* blocksOf(collection: Collection, filter: string): AsyncGenerator<Block> {
  const blocks = Math.ceil((await collection.count(filter, 'Bounded')) / BLOCK_ROWS);
  const edge = (block: number): string =>
    `"${Math.round((block / blocks) * 2 ** 32)
      .toString(16)
      .padStart(8, '0')}"`;
  for (let block = 0; block < blocks; block += 1) {
    const parts = [
      ...(filter === '' ? [] : [filter]),
      ...(block === 0 ? [] : [`id >= ${edge(block)}`]),
      ...(block === blocks - 1 ? [] : [`id < ${edge(block + 1)}`]),
    ];
    const part = parts.join(' and ');
    yield { filter: part, rows: await collection.count(part, 'Bounded') };
  }
}

/**
 * The score of every row of a block. No Milvus passes over its index when it is asked to; but when it is asked for as
 * many rows as the block has and gives them all, then it has compared them all, whatever its index skipped otherwise.
 * That takes a hundredth of the time of reading the vectors, which is done where it gives fewer: rows that are not indexed
 * yet are searched in part.
 */
export async function scoresOf(collection: Collection, vector: Float32Array, block: Block): Promise<Scored[]> {
  const { filter, rows } = block;
  if (rows === 0) return [];
  if (TRUE_SCORES.test((await collection.indexes()).get('vec') ?? '')) {
    const found = await collection.search(vector, {
      filter,
      limit: MAX_ROWS,
      output_fields: ['id'],
      metric_type: METRIC,
      params: searchParams(collection.kind, MAX_ROWS, 'filtered'),
    });
    if (found.length >= rows) return found.map(({ id, score }) => ({ id: String(id), score: Number(score) }));
  }
  const read: Scored[] = [];
  for await (const page of pagesOf(collection, { fields: ['id', 'vec'], filter, pageRows: VECTOR_ROWS })) {
    const scores = productsOf(
      vector,
      page.map(({ vec }) => vec as number[]),
    );
    for (const [i, { id }] of page.entries()) read.push({ id: String(id), score: scores[i] as number });
  }
  return read;
}
