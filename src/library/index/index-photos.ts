import type { Embedder } from '../../embedding/port.ts';
import { UserError } from '../../errors.ts';
import { walk } from '../../photos/walk.ts';
import type { Library, PhotoIndex } from '../../store/port.ts';
import { photoFile } from '../paths.ts';
import { realFolder, type Scope, scopesOf } from '../scopes.ts';
import { RowWriter } from './batch.ts';
import { companionJobs, leaveRaws, onePerPhoto } from './companions.ts';
import { embedAll } from './embed-all.ts';
import type { IndexReport, LibraryReport, OnIndexEvent } from './events.ts';
import { KnownPhotos } from './known.ts';
import type { Job } from './outcome.ts';
import { preview } from './preview.ts';
import { absorb, reconcile } from './reconcile.ts';
import { type Leaving, removeGone } from './remove-gone.ts';

export interface IndexDeps extends PhotoIndex {
  /** Called only when there is something to embed. */
  openEmbedder(): Promise<Embedder>;
  readonly onEvent: OnIndexEvent;
  /** Aborting finishes the photos in flight, writes them and leaves the rest to the next run. */
  readonly interrupted: AbortSignal;
  /** A clock in milliseconds. */
  elapsed(): number;
  /** Whether to remove photos although it looks as if a drive were away. */
  confirmPrune(library: Library, photos: number, reason: string): Promise<boolean>;
}

export interface IndexRequest {
  /** Absolute folders; none means every known library. */
  readonly roots: readonly string[];
  /** gitignore patterns. */
  readonly ignore: readonly string[];
  /** Reports what a run would do, and changes nothing. */
  readonly dryRun?: boolean;
  /** Runs although every known library is away: somebody watches for them to come back. */
  readonly mayAllBeAway?: boolean;
}

/**
 * Brings the index up to date with the folders: walk, compare, embed what is new or changed, then remove what is
 * gone. Rows are written as the run goes, so that the next run continues one that
 * was cut off at any moment.
 * @throws UserError `libraries_away` when no root is given and none of the known ones is there, and what the store throws:
 * what is wrong with the table is found before anything is embedded.
 */
export async function indexPhotos(deps: IndexDeps, request: IndexRequest): Promise<IndexReport> {
  const { store, table, onEvent } = deps;
  const libraries = await store.libraries();
  const scopes = await chooseScopes(request, libraries, onEvent);
  // Also where nothing is indexed yet: a table that is not ours must not cost the embedding first.
  await table.count();
  for (const { library, isNew } of scopes) if (isNew && !request.dryRun) await store.putLibrary(library);
  if (!request.dryRun) {
    const onProgress = (done: number, total: number): void => onEvent({ kind: 'upgrading', done, total });
    await table.upgrade({ interrupted: deps.interrupted, onProgress });
  }
  const known = await KnownPhotos.load(table, libraries);

  const reports = new Map<string, LibraryReport>();
  const jobs: Job[] = [];
  const leaving: Leaving[] = [];
  const companions: ReadonlyMap<string, readonly Job[]>[] = [];
  for (const scope of scopes) {
    const { library, folder } = scope;
    const walked = await walk(library.root, { folder, ignore: request.ignore });
    const paired = onePerPhoto(walked.files);
    const { files } = paired;
    const unseen = [...walked.unlisted, ...walked.failed.map(({ path }) => path)];
    const stored = known.of(library);
    const plan = reconcile({ folder, found: files, unseen }, stored);
    const report = reportOf(reports, library);
    const raws = companionJobs(paired, stored, { library, report });
    companions.push(raws);
    report.unchanged += plan.unchanged;
    for (const { path, reason } of walked.skipped) report.skipped.push({ path: photoFile(library, path), reason });
    for (const { path, code, reason } of walked.failed) {
      const file = photoFile(library, path);
      report.failed.push({ path: file, code, reason });
      onEvent({ kind: 'photo-failed', file, reason });
    }
    onEvent({ kind: 'compared', library, found: files.length, todo: plan.candidates.length });
    for (const candidate of plan.candidates) {
      jobs.push({ ...candidate, library, report, standIns: raws.get(candidate.found.path) ?? [] });
    }
    const there = new Set(walked.files.map(({ path }) => path));
    const gone = plan.gone.filter(({ path }) => !there.has(path));
    leaving.push({ library, report, gone, found: files.length, stored: stored.size });
    for (const inner of scope.absorbs) {
      const rows = known.of(inner);
      const absorbed = absorb(library, inner, rows.values(), { files, unseen });
      leaving.push({ ...absorbed, report, stored: rows.size, absorbedBy: library });
    }
  }

  if (request.dryRun) {
    for (const raws of companions) leaveRaws(raws, new Set());
    await preview(jobs, leaving, known, onEvent);
    return { libraries: [...reports.values()], embedded: 0, embeddingSeconds: 0, interrupted: false };
  }
  const writer = new RowWriter(table);
  const done = await embedAll({ ...deps, writer, known }, jobs);
  await writer.finish();
  const doubled = companions.flatMap((raws) => leaveRaws(raws, done.standIns));
  if (!done.interrupted) await removeGone(deps, leaving, { ...done, doubled });
  await table.flush();
  for (const { library } of scopes) reportOf(reports, library).photos = await table.count(library.id);
  return {
    libraries: [...reports.values()],
    embedded: done.embedded,
    embeddingSeconds: done.seconds,
    interrupted: done.interrupted,
  };
}

async function chooseScopes(
  { roots, mayAllBeAway = false }: IndexRequest,
  libraries: readonly Library[],
  onEvent: OnIndexEvent,
): Promise<Scope[]> {
  if (roots.length > 0) return scopesOf(await Promise.all(roots.map(realFolder)), libraries);
  const present: string[] = [];
  for (const library of libraries) {
    const root = await realFolder(library.root).catch(() => null);
    if (root === library.root) present.push(root);
    else onEvent({ kind: 'away', library });
  }
  if (present.length === 0 && libraries.length > 0 && !mayAllBeAway) throw allAway(libraries);
  return scopesOf(present, libraries);
}

function allAway(libraries: readonly Library[]): UserError {
  const [first] = libraries;
  const message =
    libraries.length === 1
      ? `The indexed folder ${first?.root} is not there now.`
      : `None of the ${libraries.length} indexed folders is there now.`;
  return new UserError('libraries_away', message, {
    hint: `Connect the drive, or say where the folder is now: curate library relocate "${first?.name}" FOLDER`,
  });
}

function reportOf(reports: Map<string, LibraryReport>, library: Library): LibraryReport {
  const existing = reports.get(library.id);
  if (existing !== undefined) return existing;
  const { name, root } = library;
  const counts = { photos: 0, added: 0, updated: 0, moved: 0, unchanged: 0, removed: 0 };
  const report: LibraryReport = { name, root, ...counts, failed: [], skipped: [] };
  reports.set(library.id, report);
  return report;
}
