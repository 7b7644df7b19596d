import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Candidate } from '../casting/candidate.ts';
import type { Embedder } from '../embedding/port.ts';
import { UserError } from '../errors.ts';
import { type FoundPhoto, searchPhotos } from '../library/search.ts';
import type { Unused } from '../output/picture-report.ts';
import type { PrivateGuard } from '../picture/private-files.ts';
import type { PhotoFilter, PhotoStore } from '../store/port.ts';

/** Where candidates come from. */
export interface Finder {
  readonly store: Promise<PhotoStore>;
  readonly embedder: Embedder;
}

export interface CandidateRequest {
  /** Absolute. */
  readonly query: string;
  /** How many to look at, best first. */
  readonly k: number;
  readonly filter?: PhotoFilter;
  readonly guard: PrivateGuard;
  /** Photos (absolute) that are no candidates: the query, sent or not, and those that are sent in any case. */
  readonly besides: readonly string[];
  /** Of the query: a copy of it is no candidate either. */
  readonly querySha256: string;
}

export interface Candidates {
  readonly candidates: readonly Candidate[];
  /** Private ones and those whose drive is away. */
  readonly excluded: readonly Unused[];
  /** Contents (sha256) that are private somewhere in the library, and where: a copy elsewhere shows the same. */
  readonly privateContents: ReadonlyMap<string, string>;
  /** Whether the library has no more to offer. */
  readonly exhausted: boolean;
}

/** The photos most like the query, with what casting needs of them, sorted out by who may be sent. */
export async function findCandidates(
  deps: Finder,
  { query, querySha256, k, filter, guard, besides }: CandidateRequest,
): Promise<Candidates> {
  const found = await searchPhotos(deps, {
    queries: [query],
    k,
    // The query's own row tells whether its content is private elsewhere.
    includeSelf: true,
    ...(filter === undefined ? {} : { filter }),
  });
  const privateContents = new Map<string, string>();
  const why = new Map<FoundPhoto, string>();
  for (const photo of found) {
    if (guard.privateBy(photo.file) === null) continue;
    why.set(photo, 'private');
    privateContents.set(photo.sha256, photo.file);
  }
  const others = new Set(await Promise.all(besides.map((file) => realpath(file).catch(() => file))));
  for (const photo of found) {
    if (why.has(photo) || others.has(photo.file)) continue;
    if (privateContents.has(photo.sha256) && !guard.isAllowed(photo.file))
      why.set(photo, 'private: the same photo is private elsewhere');
    else if (photo.sha256 === querySha256) why.set(photo, `copy of ${basename(query)}`);
    else if (!photo.available) why.set(photo, 'not there; its drive may be away');
  }
  const vectors = await vectorsOf(await deps.store, found);
  return {
    candidates: found.flatMap((photo) => {
      const vector = vectors.get(photo.id);
      return vector === undefined || why.has(photo) || others.has(photo.file) ? [] : [{ ...photo, vector }];
    }),
    excluded: found.flatMap((photo) => {
      const reason = why.get(photo);
      return reason === undefined ? [] : [{ file: photo.file, score: photo.score, reason }];
    }),
    privateContents,
    exhausted: found.length < k,
  };
}

async function vectorsOf(store: PhotoStore, found: readonly FoundPhoto[]): Promise<Map<string, Float32Array>> {
  const rows = await store.rows(found.map(({ id }) => id));
  return new Map(rows.map(({ id, vector }) => [id, vector]));
}

/** What casting needs of a photo that was named. @throws UserError when it cannot be read */
export async function describe(embedder: Embedder, file: string): Promise<Omit<Candidate, 'score'>> {
  const result = await embedder.embed({ file });
  if (result.kind === 'embedded') return { ...result.photo, file };
  const reason = result.kind === 'fault' ? result.fault.reason : 'cannot be read';
  throw new UserError('photo_unreadable', `The photo ${file} cannot be used: it ${reason}.`, {
    hint: 'Name another photo.',
  });
}
