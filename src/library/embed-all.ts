import type { Embedder, EmbedResult, PhotoFault } from '../embedding/port.ts';
import type { Library, PhotoRow, PhotoStore } from '../store/port.ts';
import type { RowWriter } from './batch.ts';
import type { LibraryReport, OnIndexEvent } from './events.ts';
import { hasLeft, type KnownPhoto, type KnownPhotos } from './known.ts';
import type { Candidate } from './reconcile.ts';
import { photoFile, photoId } from './scope.ts';

/** A file to be read, and where it counts. */
export interface Job extends Candidate {
  readonly library: Library;
  readonly report: LibraryReport;
}

interface EmbedDeps {
  readonly store: PhotoStore;
  readonly writer: RowWriter;
  readonly known: KnownPhotos;
  openEmbedder(): Promise<Embedder>;
  readonly onEvent: OnIndexEvent;
  readonly interrupted: AbortSignal;
}

export interface Embedded {
  readonly embedded: number;
  readonly interrupted: boolean;
  /** Ids of rows whose photo was found again elsewhere. */
  readonly moved: ReadonlySet<string>;
  /** Ids of rows whose file is there but can no longer be decoded. */
  readonly undecodable: ReadonlySet<string>;
}

/** Rows fetched at a time to reuse their vectors. */
const REUSE_ROWS = 200;

/** Faults that say nothing of the photo itself: what is stored of it stays. */
const PASSING_FAULTS = new Set(['unreadable', 'not_found', 'vanished', 'decoder_crashed']);

/** Reads every job's file once, and writes a row for it: embedded, or with the vector its content already has. */
export async function embedAll(deps: EmbedDeps, jobs: readonly Job[]): Promise<Embedded> {
  if (jobs.length === 0) return { embedded: 0, interrupted: false, moved: new Set(), undecodable: new Set() };
  const embedder = await deps.openEmbedder();
  try {
    return await new EmbedRun(deps, embedder, jobs).run();
  } finally {
    await embedder.close();
  }
}

interface Reuse {
  readonly job: Job;
  readonly source: KnownPhoto;
  readonly file: { readonly sha256: string; readonly size: number; readonly mtimeMs: number };
}

class EmbedRun {
  readonly #deps: EmbedDeps;
  readonly #embedder: Embedder;
  readonly #jobs: readonly Job[];
  readonly #moved = new Set<string>();
  readonly #undecodable = new Set<string>();
  #reuse: Reuse[] = [];
  #next = 0;
  #done = 0;
  #embedded = 0;
  #failed = 0;
  #broken = false;

  constructor(deps: EmbedDeps, embedder: Embedder, jobs: readonly Job[]) {
    this.#deps = deps;
    this.#embedder = embedder;
    this.#jobs = jobs;
  }

  async run(): Promise<Embedded> {
    await Promise.all(Array.from({ length: this.#embedder.capacity }, () => this.#lane()));
    await this.#writeReused();
    const left = this.#jobs.length - this.#done;
    const interrupted = this.#deps.interrupted.aborted;
    if (interrupted) this.#deps.onEvent({ kind: 'interrupted', left });
    return { embedded: this.#embedded, interrupted, moved: this.#moved, undecodable: this.#undecodable };
  }

  async #lane(): Promise<void> {
    try {
      while (!this.#broken && !this.#deps.interrupted.aborted) {
        const job = this.#jobs[this.#next++];
        if (job === undefined) return;
        const knownHashes = this.#deps.known.hashesOfSize(job.found.size);
        const file = photoFile(job.library, job.found.path);
        await this.#take(job, await this.#embedder.embed({ file, knownHashes }));
        this.#done += 1;
        this.#deps.onEvent({ kind: 'progress', done: this.#done, total: this.#jobs.length, failed: this.#failed });
      }
    } catch (error) {
      // The other lanes stop too: a broken store ends the run.
      this.#broken = true;
      throw error;
    }
  }

  async #take(job: Job, result: EmbedResult): Promise<void> {
    if (result.kind === 'fault') return this.#fault(job, result.fault);
    if (result.kind === 'embedded') {
      this.#embedded += 1;
      if (job.before === null) job.report.added += 1;
      else job.report.updated += 1;
      return this.#deps.writer.add({ ...place(job), ...result.photo });
    }
    const source = await this.#sourceOf(job, result.sha256);
    this.#reuse.push({ job, source, file: result });
    if (this.#reuse.length >= REUSE_ROWS) await this.#writeReused();
  }

  #fault(job: Job, fault: PhotoFault): void {
    if (fault.code === 'not_found' || fault.code === 'vanished') return;
    const { code, reason } = fault;
    this.#failed += 1;
    job.report.failed.push({ path: job.found.path, code, reason });
    if (job.before !== null && !PASSING_FAULTS.has(code)) this.#undecodable.add(job.before.id);
    this.#deps.onEvent({ kind: 'photo-failed', file: photoFile(job.library, job.found.path), reason });
  }

  /** The row whose vector to take: the photo's own, else one that has left its place, else any with this content. */
  async #sourceOf(job: Job, sha256: string): Promise<KnownPhoto> {
    if (job.before?.sha256 === sha256) {
      job.report.unchanged += 1;
      return { library: job.library, photo: job.before };
    }
    const sources = this.#deps.known.withHash(sha256);
    const here = photoFile(job.library, job.found.path);
    for (const source of sources) {
      const sameFile = photoFile(source.library, source.photo.path) === here;
      if (this.#moved.has(source.photo.id) || !(sameFile || (await hasLeft(source)))) continue;
      this.#moved.add(source.photo.id);
      if (job.before === null) job.report.moved += 1;
      else job.report.updated += 1;
      return source;
    }
    if (job.before === null) job.report.added += 1;
    else job.report.updated += 1;
    const [any] = sources;
    if (any === undefined) throw new Error(`no row has the content ${sha256} that was known to exist`);
    return any;
  }

  async #writeReused(): Promise<void> {
    const batch = this.#reuse;
    this.#reuse = [];
    if (batch.length === 0) return;
    const rows = new Map((await this.#rowsOf(batch)).map((row) => [row.id, row]));
    for (const { job, source, file } of batch) {
      const row = rows.get(source.photo.id);
      const { sha256, size, mtimeMs } = file;
      // Two files that swapped names: the source's row may already hold the other's vector.
      if (row?.sha256 === sha256) await this.#deps.writer.add({ ...row, ...place(job), sha256, size, mtimeMs });
      else await this.#embedAfresh(job);
    }
  }

  #rowsOf(batch: readonly Reuse[]): Promise<PhotoRow[]> {
    return this.#deps.store.rows([...new Set(batch.map(({ source }) => source.photo.id))]);
  }

  async #embedAfresh(job: Job): Promise<void> {
    const result = await this.#embedder.embed({ file: photoFile(job.library, job.found.path) });
    if (result.kind === 'fault') return this.#fault(job, result.fault);
    if (result.kind === 'known') throw new Error('the embedder found a hash that it was not given');
    this.#embedded += 1;
    await this.#deps.writer.add({ ...place(job), ...result.photo });
  }
}

function place({ library, found }: Job): { id: string; library: string; path: string } {
  return { id: photoId(library.id, found.path), library: library.id, path: found.path };
}
