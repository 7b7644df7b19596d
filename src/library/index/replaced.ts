import type { Embedder, EmbedResult, Thresholds } from '../../embedding/port.ts';
import { cosine, rootCosine } from '../../embedding/vector.ts';
import { UserError } from '../../errors.ts';
import type { Library, PhotoIndex, PhotoRow } from '../../store/port.ts';
import { photoFile } from '../paths.ts';
import { lookFor, SAMPLE, type Scope } from '../scopes.ts';
import type { Comparison } from './comparison.ts';
import { PASSING_FAULTS } from './embed-all.ts';
import type { Content } from './manifest.ts';
import { type Candidate, isSameFile } from './reconcile.ts';
import type { RememberedTable } from './remembered-table.ts';
import type { RemoveDeps } from './remove-gone.ts';
import type { Sightings } from './sightings.ts';

/** A folder with fewer changed photos may be edited whole by hand, and is soon indexed again if it was not. */
const FEWEST = 3;
/** The share of a library's photos that, unchanged, shows that it is here; other drives may have a few files in common. */
const PROOF = 0.1;

interface ReplacedDeps extends PhotoIndex {
  /** With the contents of the libraries loaded. */
  readonly remembered: Pick<RememberedTable, 'withContent'>;
  /** Whether other machines may have the library, too, and other parts of it. */
  isShared(library: Library): boolean;
  isRemovable?(root: string): Promise<boolean>;
  openEmbedder(): Promise<Embedder>;
}

interface LeaveDeps extends ReplacedDeps, Pick<RemoveDeps, 'confirmPrune' | 'onEvent'> {
  readonly sightings: Pick<Sightings, 'forget'>;
}

interface Compared {
  readonly scope: Scope;
  readonly comparison: Comparison;
}

interface Manner {
  /** Whether somebody named the folders; else a library can be left out. */
  readonly named: boolean;
  readonly dryRun: boolean;
  /** Whether what is stored may go without being asked for. */
  readonly prune: boolean;
}

/**
 * What was walked, without libraries in whose place are other photos: neither is anything of them overwritten nor does it
 * leave.
 * @throws UserError `library_replaced` (refused) when the folder was named, or nothing else is left
 */
export async function leaveReplaced<T extends Compared>(
  deps: LeaveDeps,
  compared: readonly T[],
  { named, dryRun, prune }: Manner,
): Promise<readonly T[]> {
  if (prune) return compared;
  const [left, refused]: [T[], Refused[]] = [[], []];
  for (const one of compared) {
    const { scope, comparison } = one;
    const { library } = scope;
    const seen = await findReplaced(deps, scope, comparison);
    if (seen === null) left.push(one);
    else {
      const reason = `${seen.others} of ${seen.asked} that were looked at are none of its own`;
      const going = comparison.changed + comparison.gone.length;
      const goes = !dryRun && (await deps.confirmPrune(library, going, `of the photos in its folder ${reason}`));
      if (goes) left.push(one);
      else refused.push({ library, reason });
      if (!goes && !dryRun) await forgetSeen(deps, library, comparison);
    }
  }
  const [first] = refused;
  if (first !== undefined && (named || left.length === 0)) throw refusal(first);
  for (const { library, reason } of refused) deps.onEvent({ kind: 'replaced', library, reason });
  return left;
}

interface Refused {
  readonly library: Library;
  readonly reason: string;
}

function refusal({ library: { name, root }, reason }: Refused): UserError {
  const message = `${root} holds other photos than the library ${name}: ${reason}. Nothing was changed.`;
  return new UserError('library_replaced', message, {
    hint:
      `Connect the drive of ${name}, or give this one a library of its own: curate index "${root}" --library OTHER-NAME. ` +
      'If the former photos are gone for good, add --prune.',
    kind: 'refused',
  });
}

/** What was noted of the other drive's files was not of the library. */
async function forgetSeen(
  { sightings }: Pick<LeaveDeps, 'sightings'>,
  library: Library,
  { candidates }: Comparison,
): Promise<void> {
  for await (const { found } of candidates) await sightings.forget(library, [found]);
}

/** What was seen of a folder in which other photos are in the place of a library's. */
interface Replaced {
  /** Of those that were looked at. */
  readonly others: number;
  readonly asked: number;
}

/**
 * Whether other photos are in the place of a library's, as on another drive: cameras call their files the same on every
 * card. Null when the folder is the library's. Where hardly a photo is as it was, as after a restored backup or a program
 * that edits a whole folder, a sample of the files is read: one is the library's when its bytes are known there, when it
 * was taken at the moment of the one that is stored under its name (rotating, tagging and exporting keep that), or when it
 * shows the same picture. Of a library of which other machines have other parts, photos that are gone and new names say
 * nothing.
 */
async function findReplaced(
  deps: ReplacedDeps,
  { library, folder, joins = false }: Scope,
  { changed, unchanged, gone, candidates }: Comparison,
): Promise<Replaced | null> {
  if (joins || changed + gone.length < FEWEST) return null;
  const isShared = deps.isShared(library);
  const isOnDrive = (await deps.isRemovable?.(library.root)) === true;
  // What somebody wrote over on this machine's own disk is gone, and nobody else has it.
  if (!isShared && !isOnDrive) return null;
  const isSwappable = folder === '' && !isShared && isOnDrive;
  const missing = changed + (isSwappable ? gone.length : 0);
  const isProof = (same: number, all: number): boolean => same >= all * PROOF;
  if (missing < FEWEST || isProof(unchanged, missing + unchanged)) return null;
  if (folder !== '') {
    const { found, asked } = await lookFor(deps, library, library.root);
    if (isProof(found, asked)) return null;
  }
  const sample = await sampleOf(candidates, (one) => (isSwappable && one.before === null) || isChanged(one));
  const rows = await deps.table.rows(sample.flatMap(({ before }) => before?.id ?? []));
  const embedder = await deps.openEmbedder();
  const verdicts = await Promise.all(
    sample.map(async ({ found, before }) => {
      const isKnown = (sha256: string) => hasContent(deps.remembered, library, { sha256, size: found.size });
      const now = await embedder.embed({ file: photoFile(library, found.path), isKnown });
      const row = before === null ? null : (rows.find(({ id }) => id === before.id) ?? null);
      return isOwn(row, now, embedder.model.thresholds);
    }),
  );
  const asked = verdicts.filter((verdict) => verdict !== null).length;
  const others = verdicts.filter((verdict) => verdict === false).length;
  return others > asked / 2 ? { others, asked } : null;
}

const isChanged = ({ found, before }: Candidate): boolean => before !== null && !isSameFile(found, before);

/** At even distances, so that every folder has its share. */
async function sampleOf(
  candidates: AsyncIterable<Candidate>,
  isAsked: (candidate: Candidate) => boolean,
): Promise<Candidate[]> {
  let all = 0;
  for await (const candidate of candidates) if (isAsked(candidate)) all += 1;
  const sample: Candidate[] = [];
  let at = 0;
  for await (const candidate of candidates) {
    if (!isAsked(candidate)) continue;
    if (at * SAMPLE >= sample.length * all) sample.push(candidate);
    at += 1;
  }
  return sample;
}

/**
 * Whether a photo is the library's; null where nobody can say.
 * @param before what is stored under its name
 */
function isOwn(before: PhotoRow | null, now: EmbedResult, thresholds: Thresholds): boolean | null {
  if (now.kind === 'known') return true;
  if (now.kind === 'fault') return PASSING_FAULTS.has(now.fault.code) ? null : false;
  if (before === null) return false;
  const { vector, takenMs } = now.photo;
  if (takenMs !== null && takenMs === before.takenMs) return true;
  // A clock that was put right moves the times of all photos and changes no pixel.
  if (takenMs !== null && before.takenMs !== null) return rootCosine(vector, before.vector) >= thresholds.nearDuplicate;
  return cosine(vector, before.vector) >= thresholds.similar;
}

async function hasContent(rows: ReplacedDeps['remembered'], { id }: Library, content: Content): Promise<boolean> {
  for await (const _ of rows.withContent(id, content)) return true;
  return false;
}
