import { existsSync } from 'node:fs';
import type { PairSimilarities } from '../../embedding/port.ts';
import { usageError } from '../../errors.ts';
import { exists } from '../../files/exists.ts';
import type { Library, PhotoFilter, PhotoIndex, SeenRows } from '../../store/port.ts';
import { demandStore } from '../emptiness.ts';
import { once, onceEach } from '../once.ts';
import { filterFor, type Restriction } from '../photo-filter.ts';
import { pairsOf } from '../ranking/random-pairs.ts';
import { type Ranker, rankerOf } from '../ranking/ranker.ts';
import type { Session } from '../session.ts';
import { unusableQuery } from '../vector-search.ts';
import type { ClassIndex } from '../words/class-index/class-index.ts';
import { classIndexesOf } from '../words/class-index/kept.ts';
import { rememberedShares } from '../words/rank.ts';
import { loadWords, type Words } from '../words/vocabulary.ts';
import type { PhotoTerm, QueryTerm } from './resolve.ts';
import { readWord } from './terms.ts';
import { openVectors, type QueryVectors } from './vectors.ts';

export interface QueryDeps {
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Query photos that lie in no library of this machine, where that is known already. */
  readonly outside?: readonly string[];
  /** Told of each query photo whose vector is there. */
  onRead?(done: number, total: number): void;
  /** Threads that may compare photos with each other; this one alone unless given. */
  readonly threads?: number;
  /** Told of the share of the photos that were compared with each other, 0 to 1; it may begin again, with more photos. */
  onCompared?(share: number): void;
}

/** What all queries of a run share. */
export interface QueryRoom extends Pick<QueryDeps, 'session' | 'signal' | 'threads' | 'onCompared'> {
  readonly index: PhotoIndex;
  readonly filter: PhotoFilter | null;
  readonly vectors: QueryVectors;
  readonly seen: SeenRows;
  /** Whether a file is there; each is looked for once. */
  isThere(file: string): Promise<boolean>;
  /** The store's libraries; one put in the last seconds may be missing. */
  libraries(): Promise<readonly Library[]>;
  /** What reranks hits. */
  ranker(): Promise<Ranker>;
  /** How alike pairs of the person's photos are; null where nobody knows. */
  pairs(): Promise<PairSimilarities | null>;
  /** @throws UserError `words_unavailable` */
  words(): Promise<Words>;
  /** The classes' shares of rows, kept for the next query. @throws UserError `words_unavailable` */
  shares(): Promise<ReturnType<typeof rememberedShares>>;
  /** Of all photos; null where they are not at hand. */
  classIndexes(): Promise<readonly ClassIndex[] | null>;
  close(): Promise<void>;
}

const MISSING = { code: 'not_found', reason: 'does not exist' } as const;

/**
 * Opens what the terms need; all of their photos are read side by side from now on.
 * @param lenient whether a query of several may fail by itself, rather than before anything is opened
 * @throws UserError `usage`, `unknown_word`, `words_unavailable`, and what stands in the way of searching
 */
export async function openRoom(
  { onRead, outside, ...shared }: QueryDeps,
  terms: readonly QueryTerm[],
  restriction: Restriction = {},
  { lenient = false } = {},
): Promise<QueryRoom> {
  const { session } = shared;
  const words = (): Promise<Words> => session.model().then(loadWords);
  // A slip of the hand must not set up a store first.
  if (!lenient) {
    if (!terms.some(({ weight }) => weight > 0)) {
      throw usageError('There is nothing to search for, only what to be away from.', 'Name a photo or a word as well.');
    }
    for (const term of terms) {
      if (term.kind === 'word') readWord(term, await words());
      else if (!existsSync(term.file)) throw unusableQuery(term.file, MISSING);
    }
  }
  await demandStore(session);
  const photos = terms.filter((term): term is PhotoTerm => term.kind === 'photo');
  const opening = session.index();
  const [index, vectors] = await Promise.all([opening, openVectors(session, opening, photos, { onRead, outside })]);
  const filter = await filterFor(async () => index.store, restriction);
  const libraries = once(() => index.store.libraries({ recent: false })).get;
  return {
    ...shared,
    index,
    filter,
    vectors,
    seen: new Map(),
    isThere: onceEach(exists),
    libraries,
    ranker: once(async () => rankerOf(await session.model())).get,
    pairs: once(async () => pairsOf(session.settings.paths.data, await session.model())).get,
    words,
    classIndexes: once(() => classIndexesOf(session, index, libraries)).get,
    shares: once(async () => rememberedShares((await words()).classifier)).get,
    close: vectors.close,
  };
}
