import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Embedder } from '../../embedding/port.ts';
import type { Library, PhotoIndex } from '../../store/port.ts';
import { type ChangedModel, type LeasePace, Leases } from '../lease.ts';
import { elsewhere, isOwn, type Machine } from '../machine.ts';
import { photoFile } from '../paths.ts';
import { demandProof, demandWhole, isHere, provenLibraries, type Scope } from '../scopes.ts';
import type { IndexedPhoto } from '../words/class-index/class-index.ts';
import type { ClassIndexes } from '../words/class-index/kept.ts';
import { RowWriter } from './batch.ts';
import { chooseScopes, type FoldersRequest, heldBy, withScopes } from './choose-scopes.ts';
import { companionJobs, leaveRaws } from './companions.ts';
import { type Comparison, compareScope } from './comparison.ts';
import { embedAll, type Jobs } from './embed-all.ts';
import type { IndexReport, LibraryReport, OnIndexEvent } from './events.ts';
import { KnownPhotos } from './known.ts';
import type { Job } from './outcome.ts';
import { preview } from './preview.ts';
import { RememberedTable, unlessDamaged } from './remembered-table.ts';
import { type Leaving, removeGone } from './remove-gone.ts';
import { leaveReplaced } from './replaced.ts';
import { Sightings } from './sightings.ts';
import { Spool } from './spool.ts';

export interface IndexDeps extends PhotoIndex {
  /** Called only when there is something to embed. */
  openEmbedder(): Promise<Embedder>;
  readonly onEvent: OnIndexEvent;
  /** Aborting finishes the photos in flight, writes them and leaves the rest to the next run. */
  readonly interrupted: AbortSignal;
  /** A clock in milliseconds. */
  elapsed(): number;
  /** As it was named, for machines that share the libraries. */
  readonly model: ChangedModel;
  readonly machine: Machine;
  /** For others to read who is at work. */
  readonly holder: string;
  /** Milliseconds since 1970. */
  now(): number;
  readonly pace?: LeasePace;
  /** Folder for what this machine keeps of the store's rows of this model; without it the store is asked for them. */
  readonly manifests?: string;
  /** Folder for notes of what was ever on this machine, of a store that others write to; without it everything was. */
  readonly sightings?: string;
  /** What is kept of what the words of the model show; without it nothing is. */
  readonly classIndexes?: ClassIndexes | null;
  /** Whether another drive can be in the place of a folder; without it none can. */
  isRemovable?(root: string): Promise<boolean>;
  /** Whether to remove photos although it looks as if a drive were away. */
  confirmPrune(library: Library, photos: number, reason: string): Promise<boolean>;
}

export interface IndexRequest extends FoldersRequest {
  /** gitignore patterns. */
  readonly ignore: readonly string[];
  /** Reports what a run would do, and changes nothing. */
  readonly dryRun?: boolean;
  /** Removes what is gone although it was never on this machine. */
  readonly prune?: boolean;
}

/**
 * Brings the index up to date with the folders: walk, compare, embed what is new or changed, then remove what is
 * gone. Rows are written as the run goes, so that the next run continues one that
 * was cut off at any moment.
 * Each library is held by a lease meanwhile, so that one machine at a time changes it.
 * @throws UserError `libraries_away` when no root is given and none of the known ones is there, and what the store throws:
 * what is wrong with the table is found before anything is embedded.
 */
export async function indexPhotos(deps: IndexDeps, request: IndexRequest): Promise<IndexReport> {
  const { store, machine, onEvent } = deps;
  const leases = new Leases({
    store,
    machine: await machine.id(),
    holder: deps.holder,
    now: deps.now,
    elapsed: deps.elapsed,
    signal: deps.interrupted,
    onWait: (library, lease) => onEvent({ kind: 'leased', library, lease }),
    ...(deps.pace === undefined ? {} : { pace: deps.pace }),
  });
  try {
    return await indexHeld(deps, request, leases);
  } catch (error) {
    // What was written after another machine had removed it belongs to nothing.
    for (const library of leases.removed()) await deps.table.removeLibrary(library);
    throw error;
  } finally {
    await leases.release();
  }
}

async function indexHeld(deps: IndexDeps, request: IndexRequest, leases: Leases): Promise<IndexReport> {
  const { sightings: notes = null } = deps;
  // Nobody else writes to the embedded store; but a copy of a shared one brings its notes along.
  const folder = deps.store.kind === 'lite' && (notes === null || !existsSync(notes)) ? null : notes;
  const sightings = new Sightings(folder, { changes: !request.dryRun });
  const spools: Spool<unknown>[] = [];
  const makeSpool = <T>(): Spool<T> => {
    const spool = new Spool<T>(deps.manifests === undefined ? null : join(deps.manifests, `waiting-${spools.length}`));
    spools.push(spool);
    return spool;
  };
  const remembered = new RememberedTable(deps.table, deps.manifests ?? null, deps.model);
  let embedder: Promise<Embedder> | null = null;
  const openEmbedder = (): Promise<Embedder> => {
    embedder ??= deps.openEmbedder();
    return embedder;
  };
  try {
    const chosen = await prepare(deps, request, leases, sightings);
    await remembered.begin(await deps.store.libraries());
    return await indexScopes({ ...deps, ...chosen, openEmbedder, remembered, leases, sightings, makeSpool }, request);
  } finally {
    await closeOpened(embedder);
    for (const spool of spools) await spool.close();
    await remembered.close();
    await sightings.close();
  }
}

/** What could not be opened has said so itself. */
async function closeOpened(embedder: Promise<Embedder> | null): Promise<void> {
  const opened = await embedder?.catch(() => null);
  await opened?.close();
}

/** Chooses what to walk, and takes hold of it; a dry run only chooses. */
async function prepare(
  deps: IndexDeps,
  request: IndexRequest,
  leases: Leases,
  sightings: Sightings,
): Promise<Pick<ScopesDeps, 'scopes' | 'libraries'>> {
  const { onEvent } = deps;
  const stored = await provenLibraries(deps, deps.machine);
  const scopes = await chooseScopes(deps, request, stored);
  heldBy(scopes).forEach(demandWhole);
  // Also where nothing is indexed yet: a table that is not ours must not cost the embedding first.
  await deps.table.count();
  const libraries = withScopes(stored, scopes);
  for (const { library, displaces = [] } of scopes) {
    for (const other of displaces) onEvent({ kind: 'displaced', library: other, by: library });
  }
  const { keep } = deps.machine;
  const take = async ({ library, isNew, joins = false, displaces = [] }: Scope): Promise<void> => {
    if (isNew || joins) await sightings.begin(library);
    if (request.dryRun) return;
    for (const { id, name } of displaces) await keep(id, elsewhere(name));
    await keep(library.id, library.root);
  };
  // Before the store knows of them: a run that is killed here finds its library again.
  for (const scope of scopes) if (!scope.joins || request.dryRun) await take(scope);
  if (!request.dryRun) {
    for (const library of heldBy(scopes)) await leases.hold(library);
    await deps.machine.bind();
    for (const scope of scopes) {
      if (!scope.joins) continue;
      await demandProof(deps, scope.library, scope.library.root);
      await take(scope);
    }
    const onProgress = (done: number, total: number): void => onEvent({ kind: 'upgrading', done, total });
    await deps.table.upgrade({ interrupted: deps.interrupted, onProgress });
  }
  return { scopes, libraries };
}

interface ScopesDeps extends Omit<IndexDeps, 'sightings'> {
  readonly remembered: RememberedTable;
  readonly leases: Leases;
  readonly sightings: Sightings;
  makeSpool<T>(): Spool<T>;
  readonly scopes: readonly Scope[];
  /** What the store has and what this run adds to it. */
  readonly libraries: readonly Library[];
}

async function indexScopes(deps: ScopesDeps, request: IndexRequest): Promise<IndexReport> {
  const { table, remembered, leases, sightings, scopes, libraries, onEvent } = deps;
  const { prune = false } = request;
  const own = await deps.machine.id();
  const isShared = (library: Library): boolean => deps.store.kind !== 'lite' && !isOwn(library, own);
  const known = new KnownPhotos(remembered, sightings, async (library) => !isShared(library) || isHere(deps, library));
  const reports = new Map<string, LibraryReport>();
  const compared = await compareScopes(deps, request, reports);
  if (compared.some(({ comparison }) => comparison.candidates.length > 0)) await known.load(libraries);
  const manner = { named: request.roots.length > 0, dryRun: request.dryRun ?? false, prune };
  const parts: Part[] = [];
  const leaving: Leaving[] = [];
  const walked = await leaveReplaced({ ...deps, isShared }, compared, manner);
  for (const { scope, comparison } of walked) {
    const { library } = scope;
    const { found, stored, candidates, gone, absorbed } = comparison;
    const report = reportOf(reports, library);
    parts.push({ library, report, candidates, raws: companionJobs(comparison.raws, { library, report }) });
    leaving.push({ library, report, gone, found, stored });
    for (const inner of absorbed) leaving.push({ ...inner, report, absorbedBy: library });
  }
  const jobs = jobsOf(parts);
  if (request.dryRun) {
    for (const { raws } of parts) leaveRaws(raws, new Set());
    await preview(jobs, leaving, { known, sightings, prune, isShared, onEvent });
    for (const one of compared) {
      if (!walked.includes(one)) reportOf(reports, one.scope.library).photos = one.comparison.stored;
    }
    return { libraries: [...reports.values()], embedded: 0, embeddingSeconds: 0, interrupted: false };
  }
  const changing = (library: string): Promise<void> => leases.changing(library, deps.model);
  const writer = new RowWriter({
    upsert: async (rows) => {
      for (const library of new Set(rows.map((row) => row.library))) await changing(library);
      await remembered.upsert(rows);
    },
  });
  const done = await embedAll({ ...deps, writer, known }, jobs);
  await writer.finish();
  const doubled = parts.flatMap(({ raws }) => leaveRaws(raws, done.standIns));
  if (!done.interrupted) {
    const take = async (library: Library): Promise<void> => {
      await leases.hold(library);
      await changing(library.id);
    };
    const drop = (library: Library): Promise<void> => leases.drop(library);
    const removing = { ...deps, table: remembered, prune, isShared, take, drop };
    const kept = await removeGone(removing, leaving, { ...done, doubled });
    for (const { scope, comparison } of walked) {
      const { library, folder } = scope;
      const keeps = (path: string): boolean => kept.has(library.id) || comparison.isUnseen(path);
      if (folder === '') await sightings.settle(library, keeps);
    }
  }
  await table.flush();
  await leases.confirm();
  const stored = await deps.store.libraries();
  const settled = await remembered.settle(stored, leases.held());
  if (!done.interrupted) await refreshClassIndexes(deps, stored, settled);
  for (const { library } of scopes) reportOf(reports, library).photos = await remembered.count(library.id);
  return {
    libraries: [...reports.values()],
    embedded: done.embedded,
    embeddingSeconds: done.seconds,
    interrupted: done.interrupted,
  };
}

/** Looks at what the words of the model show that is new. @param settled libraries whose rows are known, and stay */
async function refreshClassIndexes(
  { classIndexes = null, table, remembered, interrupted: signal, onEvent }: ScopesDeps,
  stored: readonly Library[],
  settled: readonly Library[],
): Promise<void> {
  if (classIndexes === null) return;
  await classIndexes.forgetOthers(stored);
  const onProgress = (done: number, total: number): void => onEvent({ kind: 'classifying', done, total });
  for (const library of settled) {
    async function* rows(): AsyncGenerator<IndexedPhoto> {
      for await (const folder of remembered.folders(library.id, '')) yield* folder.rows;
    }
    await unlessDamaged(() => classIndexes.refresh(library, { table, rows, signal, onProgress }));
  }
}

/** Walks every scope; what could not be looked at is reported, and said. */
async function compareScopes(
  deps: ScopesDeps,
  { ignore }: IndexRequest,
  reports: Map<string, LibraryReport>,
): Promise<{ readonly scope: Scope; readonly comparison: Comparison }[]> {
  const { onEvent, scopes } = deps;
  const compared = [];
  for (const scope of scopes) {
    const { library } = scope;
    const comparison = await unlessDamaged(() => compareScope(deps, scope, ignore));
    const { found, unchanged, candidates, skipped, failed } = comparison;
    const report = reportOf(reports, library);
    report.unchanged += unchanged;
    for (const { path, reason } of skipped) report.skipped.push({ path: photoFile(library, path), reason });
    for (const { path, code, reason } of failed) {
      const file = photoFile(library, path);
      report.failed.push({ path: file, code, reason });
      onEvent({ kind: 'photo-failed', file, reason });
    }
    onEvent({ kind: 'compared', library, found, todo: candidates.length });
    compared.push({ scope, comparison });
  }
  return compared;
}

/** The files of one library that are to be read, and where they count. */
interface Part extends Pick<Job, 'library' | 'report'>, Pick<Comparison, 'candidates'> {
  readonly raws: ReadonlyMap<string, readonly Job[]>;
}

function jobsOf(parts: readonly Part[]): Jobs {
  return {
    length: parts.reduce((sum, { candidates }) => sum + candidates.length, 0),
    async *[Symbol.asyncIterator]() {
      for (const { library, report, candidates, raws } of parts) {
        for await (const candidate of candidates) {
          yield { ...candidate, library, report, standIns: raws.get(candidate.found.path) ?? [] };
        }
      }
    },
  };
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
