import { UserError } from '../../errors.ts';
import { VARIABLES } from '../../settings.ts';
import type { PhotoStore } from '../port.ts';
import type { Endpoint } from './endpoint.ts';

type Home = PhotoStore['kind'];

/** What a Milvus is and can do, by the version that it names when it is connected to. */
export interface Capabilities {
  readonly home: Home;
  /** As "2.3.5"; null for the embedded store, and where a server names none. */
  readonly version: string | null;
  /** Whether people can be kept apart by databases. */
  readonly databases: boolean;
  /** Whether rows that are upserted land in the partition that their key says. */
  readonly partitionKeys: boolean;
  readonly vectorTypes: readonly string[];
  /** For vectors, of those that may suit photos. */
  readonly indexTypes: readonly string[];
}

/**
 * The oldest server that curate takes. Before it, a removal by a filter misses what was just written (2.3.2, 2.3.3), or
 * is not to be had, and a wrong password is no error of its own.
 */
const OLDEST = '2.3.4';

/** The first versions that have each, by Milvus' documentation and issues; none but 2.3.4 and 2.3.5 was tried. */
const SINCE = {
  databases: [2, 2, 9],
  /** Before, upserts went by another field (milvus-io/milvus#30607): on 2.3.5 a filter found 17 of 1,000 rows. */
  partitionKeys: [2, 4, 0],
  float16: [2, 4, 0],
  rabitq: [2, 6, 0],
} as const;

/** @param said such as "v2.3.5-lite"; a server that names no version counts as the oldest that curate takes */
export function capabilitiesOf(home: Home, said: string | null): Capabilities {
  if (home === 'lite') {
    const without = { version: null, databases: false, partitionKeys: false };
    return { home, ...without, vectorTypes: ['float32'], indexTypes: [] };
  }
  const version = versionIn(said);
  const has = (what: keyof typeof SINCE): boolean => isAtLeast(version ?? OLDEST, SINCE[what]);
  return {
    home,
    version,
    databases: has('databases'),
    partitionKeys: has('partitionKeys'),
    vectorTypes: has('float16') ? ['float32', 'float16'] : ['float32'],
    indexTypes: home === 'zilliz' ? ['AUTOINDEX'] : ['HNSW', 'DISKANN', ...(has('rabitq') ? ['IVF_RABITQ'] : [])],
  };
}

/** @throws UserError `store_version` when a server is older than curate can work with; those of a cloud are not */
export function demandVersion({ kind, place }: Pick<Endpoint, 'kind' | 'place'>, said: string | null): void {
  const version = kind === 'server' ? versionIn(said) : null;
  if (version === null || isAtLeast(version, OLDEST.split('.').map(Number))) return;
  throw new UserError('store_version', `Milvus at ${place} is version ${version}, which is too old for curate.`, {
    hint: `Have whoever runs it upgrade it to ${OLDEST} or newer, or unset ${VARIABLES.milvusUri} to use the embedded store.`,
  });
}

/** Builds between two releases may name no more than "2.3". */
function versionIn(said: string | null): string | null {
  return /\d+\.\d+(\.\d+)?/.exec(said ?? '')?.[0] ?? null;
}

/** What a version does not say is taken for new enough. */
function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  const at = least.findIndex((number, i) => parts[i] !== number);
  return at === -1 || (parts[at] ?? Number.POSITIVE_INFINITY) > (least[at] ?? 0);
}

/** Vectors are of unit length, so the inner product is the cosine; on Lite it is three times as fast as COSINE. */
export const METRIC = 'IP';

interface IndexParams {
  readonly index_type: string;
  readonly metric_type: string;
  readonly params?: Readonly<Record<string, number>>;
}

/** What curate makes of the collections that hold photos. */
export interface Layout {
  /** Of the vectors; null where every search compares all of them. */
  readonly index: IndexParams | null;
  /** Fields that filters ask for, each with an index of the type that the server takes for it by itself. */
  readonly indexedFields: readonly string[];
}

/** Halves what a filter costs on 2.3.5. One of `path`, `width` or `height` makes it dearer: see bench/README.md. */
const INDEXED_FIELDS = ['library', 'taken_ms', 'mtime_ms'] as const;

/**
 * The same for any number of photos: a server keeps a graph for each segment of half a gigabyte, so that more photos make
 * more graphs, no larger ones, and each finds as well as the others. What a server can besides is left out: "Growth" in
 * bench/README.md says why.
 */
export function layoutOf({ home }: Pick<Capabilities, 'home'>): Layout {
  switch (home) {
    case 'lite':
      // It searches exactly without an index, and its HNSW goes wrong when filtered.
      return { index: null, indexedFields: [] };
    case 'zilliz':
      return { index: { index_type: 'AUTOINDEX', metric_type: METRIC }, indexedFields: INDEXED_FIELDS };
    case 'server': {
      const index = { index_type: 'HNSW', metric_type: METRIC, params: { M: 16, efConstruction: 200 } };
      return { index, indexedFields: INDEXED_FIELDS };
    }
  }
}

/** Of a photo on a server, beside its vector: its edges in the graph and its other fields; an estimate. */
const BYTES_BESIDE = 1_200;

/** Bytes of a server's memory that photos take. @param dim of their vectors */
export function memoryOf(photos: number, dim: number): number {
  return photos * (dim * Float32Array.BYTES_PER_ELEMENT + BYTES_BESIDE);
}

/** The most candidates that HNSW looks at. */
const MOST_CANDIDATES = 32_768;
/**
 * How many it looks at least at, for the graphs of 56,000 photos that a server merges smaller ones into: recall@6 of 1.00 in
 * all photos and 0.99 in a part of them, recall@100 of 0.99 (with 64: recall@6 of 0.84).
 */
const CANDIDATES = { all: 512, filtered: 2048 } as const;

/** How thoroughly an index searches for `limit` rows. */
export function searchParams(home: Home, limit: number, scope: keyof typeof CANDIDATES): Record<string, number> {
  return home === 'server' ? { ef: Math.min(MOST_CANDIDATES, Math.max(CANDIDATES[scope], limit)) } : {};
}
