import { usageError } from '../../errors.ts';
import { exists } from '../../files/exists.ts';
import { unlessInterrupted } from '../../interrupt.ts';
import { demandStore, explainEmptiness } from '../emptiness.ts';
import { inside } from '../paths.ts';
import { notIndexed } from '../photo-filter.ts';
import { likenessOf } from './alike.ts';
import { bearingOf, type Decision, readDecisions } from './decisions.ts';
import { judgeFrames } from './frames.ts';
import { contenderOf, freedBy, type Group, groupsOf } from './groups.ts';
import { inspectAll, type Skipped } from './inspect.ts';
import { listPhotos } from './listing.ts';
import { type DedupeDeps, type DedupeRequest, isBase, type Places, placesOf } from './request.ts';

/** Which photos are elsewhere already: their bytes, or the same picture. */
export interface Presence {
  readonly there: number;
  /** Absolute paths of those that are not, in order. */
  readonly missing: readonly string[];
}

export interface DedupePlan {
  /** In the order of kinds, the closest first, then of keepers. */
  readonly groups: readonly Group[];
  /** What would be freed by the groups that are not too large. */
  readonly bytes: number;
  /** How many photos were compared. */
  readonly photos: number;
  /** What could not be looked at, by path. */
  readonly skipped: readonly Skipped[];
  /** Photos of the index that are gone, or whose drive is away. */
  readonly gone: number;
  /** The roots of the libraries, which nothing is to be moved into. */
  readonly roots: readonly string[];
  /** Further names of one file: hard links, and spellings that the file system does not tell apart. */
  readonly otherNames: readonly string[];
  /** What of the photos is in the folder that they are compared against; null without one, or without these kinds. */
  readonly against: Presence | null;
  /** The same plan by other decisions; the photos are not looked at again. */
  by(decisions: readonly Decision[]): DedupePlan;
}

/**
 * Which photos are double, and which of each group stays. Changes nothing. The answer is the same whatever the order of
 * the files.
 * @throws UserError `nothing_indexed`, `not_indexed`, `usage`, `too_many_alike`, `interrupted`, and what stands in the way of
 * reading the index
 */
export async function planDedupe(deps: DedupeDeps, request: DedupeRequest): Promise<DedupePlan> {
  const decisions = await readDecisions(deps.session.settings.paths.data);
  await demandStore(deps.session);
  return unlessInterrupted(deps.signal, plan(deps, request, decisions));
}

async function plan(deps: DedupeDeps, request: DedupeRequest, decisions: readonly Decision[]): Promise<DedupePlan> {
  const places = await placesOf(request);
  const listing = await listPhotos(deps, places, request.kinds);
  if (listing.photos.length === 0) await explainEmptiness(deps.session);
  demandPhotosBelow(request, places, listing.photos);
  const { candidates, skipped, gone, otherNames } = await inspectAll(deps, listing);
  const likeness = await likenessOf(deps, listing, candidates);
  const frames = request.best === undefined ? null : await judgeFrames(deps, likeness, candidates);
  const judged = candidates.map((candidate) => ({
    candidate,
    contender: contenderOf(candidate, places, frames?.get(candidate.content) ?? null),
  }));
  const known = candidates.map(({ file, record: { sha256 } }) => ({ file, sha256 }));
  const asked =
    places.against === null ? [] : await filesHere(listing.photos.filter(({ file }) => !isBase(places, file)));
  const by = (decided: readonly Decision[]): DedupePlan => {
    const bearing = bearingOf(decided, known);
    const groups = groupsOf({ judged, likeness, places, request, bearing });
    return {
      groups,
      bytes: freedBy(groups.filter(({ isLarge }) => !isLarge)),
      photos: listing.photos.length,
      skipped,
      gone,
      roots: listing.roots,
      otherNames,
      against: presenceOf(request, asked, groups),
      by,
    };
  };
  return by(decisions);
}

async function filesHere(photos: readonly { readonly file: string }[]): Promise<string[]> {
  const files: string[] = [];
  for (const { file } of photos) if (await exists(file)) files.push(file);
  return files.sort();
}

/** @param files those that may yield, and are here */
function presenceOf(
  { against, kinds }: DedupeRequest,
  files: readonly string[],
  groups: readonly Group[],
): Presence | null {
  if (against === undefined || !kinds.includes('identical') || !kinds.includes('same')) return null;
  const there = new Set(
    groups
      .filter(({ kind }) => kind === 'identical' || kind === 'same')
      .flatMap(({ others, kept }) => [...others, ...kept].map(({ file }) => file)),
  );
  const missing = files.filter((file) => !there.has(file));
  return { there: files.length - missing.length, missing };
}

/**
 * @throws UserError `not_indexed`: a slip in a folder's name would say that nothing is double, or there already; `usage`
 * where photos would be compared against themselves, which says as little
 */
function demandPhotosBelow(request: DedupeRequest, places: Places, photos: readonly { readonly file: string }[]): void {
  const isEmpty = (folder: string): boolean => photos.every(({ file }) => inside(folder, file) === null);
  const empty = request.folders.find((_, i) => isEmpty(places.folders[i] as string));
  if (empty !== undefined) throw notIndexed(empty);
  if (request.against === undefined) return;
  if (isEmpty(places.against as string)) throw notIndexed(request.against);
  if (photos.some(({ file }) => isBase(places, file))) return;
  throw usageError(
    `The only indexed photos below ${request.against} are those that were to be compared against it.`,
    'Name another folder with --against, or leave it out to find what is double among them.',
  );
}
