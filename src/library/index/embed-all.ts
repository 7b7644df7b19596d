import type { Embedder, EmbedResult, PhotoFault } from '../../embedding/port.ts';
import { FACTS_VERSION } from '../../photos/facts.ts';
import type { PhotoRow, PhotoTable, StoredPhoto } from '../../store/port.ts';
import { photoFile, photoId } from '../paths.ts';
import type { RowWriter } from './batch.ts';
import type { OnIndexEvent } from './events.ts';
import type { KnownPhotos } from './known.ts';
import { countFresh, countKnown, type Job, type LibraryRow, type Moved } from './outcome.ts';
import { isUnchanged } from './reconcile.ts';

interface EmbedDeps {
  readonly table: PhotoTable;
  readonly writer: RowWriter;
  readonly known: KnownPhotos;
  openEmbedder(): Promise<Embedder>;
  readonly onEvent: OnIndexEvent;
  readonly interrupted: AbortSignal;
  /** A clock in milliseconds. */
  elapsed(): number;
}

export interface Embedded {
  readonly embedded: number;
  /** From the first photo taken up to the last one done. */
  readonly seconds: number;
  readonly interrupted: boolean;
  readonly moved: ReadonlyMap<string, LibraryRow>;
  /** Rows whose file is there but can no longer be decoded. */
  readonly undecodable: readonly LibraryRow[];
  /** Ids of photos that were taken, or tried, because what stands for them could not be read. */
  readonly standIns: ReadonlySet<string>;
}

/** Rows fetched at a time to reuse their vectors. */
const REUSE_ROWS = 200;

/** Faults that say nothing of the photo itself: what is stored of it stays. */
export const PASSING_FAULTS: ReadonlySet<PhotoFault['code']> = new Set<PhotoFault['code']>([
  'unreadable',
  'not_found',
  'vanished',
  'changing',
  'decoder_crashed',
  'timed_out',
]);

/** Jobs in the order in which they are to be done, read as they are needed. */
export interface Jobs extends AsyncIterable<Job> {
  readonly length: number;
}

/** Reads every job's file once, and writes a row for it: embedded, or with the vector its content already has. */
export async function embedAll(deps: EmbedDeps, jobs: Jobs): Promise<Embedded> {
  if (jobs.length === 0) {
    const none = { moved: new Map(), undecodable: [], standIns: new Set<string>() };
    return { embedded: 0, seconds: 0, interrupted: false, ...none };
  }
  const embedder = await deps.openEmbedder();
  try {
    return await new EmbedRun(deps, embedder, jobs).run();
  } finally {
    await embedder.close();
  }
}

interface Reuse {
  readonly job: Job;
  readonly source: StoredPhoto;
  readonly file: Extract<EmbedResult, { kind: 'known' }>;
}

class EmbedRun {
  readonly #deps: EmbedDeps;
  readonly #embedder: Embedder;
  readonly #jobs: AsyncIterator<Job>;
  readonly #total: number;
  readonly #moved: Moved = new Map();
  readonly #undecodable: LibraryRow[] = [];
  readonly #standIns = new Set<string>();
  #reuse: Reuse[] = [];
  #done = 0;
  #embedded = 0;
  #failed = 0;
  #broken = false;

  constructor(deps: EmbedDeps, embedder: Embedder, jobs: Jobs) {
    this.#deps = deps;
    this.#embedder = embedder;
    this.#jobs = jobs[Symbol.asyncIterator]();
    this.#total = jobs.length;
  }

  async run(): Promise<Embedded> {
    const { elapsed, writer } = this.#deps;
    const started = elapsed();
    const lanes = Promise.all(Array.from({ length: this.#embedder.capacity }, () => this.#lane()));
    // A store that fails ends the run at once, whatever is being embedded; the lanes end as the embedder is closed.
    lanes.catch(() => undefined);
    await Promise.race([lanes, writer.failure]).catch((error: unknown) => {
      this.#broken = true;
      throw error;
    });
    await this.#writeReused();
    const left = this.#total - this.#done;
    const interrupted = this.#deps.interrupted.aborted;
    if (interrupted) this.#deps.onEvent({ kind: 'interrupted', left });
    const seconds = (elapsed() - started) / 1000;
    const [moved, undecodable, standIns] = [this.#moved, this.#undecodable, this.#standIns];
    return { embedded: this.#embedded, seconds, interrupted, moved, undecodable, standIns };
  }

  async #lane(): Promise<void> {
    try {
      while (!this.#broken && !this.#deps.interrupted.aborted) {
        const { done, value: job } = await this.#jobs.next();
        if (done === true) return;
        await this.#take(job, await this.#read(job));
        this.#done += 1;
        this.#deps.onEvent({ kind: 'progress', done: this.#done, total: this.#total, failed: this.#failed });
      }
    } catch (error) {
      // The other lanes stop too: a broken store ends the run.
      this.#broken = true;
      throw error;
    }
  }

  async #read({ library, found, before }: Job): Promise<EmbedResult> {
    const { known } = this.#deps;
    const { size } = found;
    const file = photoFile(library, found.path);
    if (!(await known.hasSize(size))) return this.#embedder.embed({ file });
    return this.#embedder.embed({
      file,
      isKnown: (sha256) => known.has({ sha256, size }),
      isStale: async (sha256) => {
        const isOwn = before?.sha256 === sha256 && before.facts < FACTS_VERSION;
        return isOwn || known.isStale({ sha256, size });
      },
    });
  }

  async #take(job: Job, result: EmbedResult): Promise<void> {
    if (result.kind === 'fault') return this.#fault(job, result.fault);
    if (result.kind === 'embedded') {
      this.#embedded += 1;
      countFresh(job);
      return this.#deps.writer.add({ ...place(job), ...result.photo });
    }
    const source = await countKnown(job, result.sha256, this.#deps.known, this.#moved);
    this.#reuse.push({ job, source, file: result });
    if (this.#reuse.length >= REUSE_ROWS) await this.#writeReused();
  }

  async #fault(job: Job, { code, reason }: PhotoFault): Promise<void> {
    const { before, standIns = [] } = job;
    const stays = before !== null && PASSING_FAULTS.has(code);
    if (code !== 'not_found' && code !== 'vanished') {
      this.#failed += 1;
      const file = photoFile(job.library, job.found.path);
      job.report.failed.push({ path: file, code, reason });
      if (before !== null && !stays) this.#undecodable.push({ library: job.library, id: before.id, path: before.path });
      this.#deps.onEvent({ kind: 'photo-failed', file, reason });
    }
    if (!stays) await this.#takeFirst(standIns);
  }

  /** Those that cannot be read are reported, too. */
  async #takeFirst(standIns: readonly Job[]): Promise<void> {
    for (const job of standIns) {
      const { library, found, before, report } = job;
      this.#standIns.add(photoId(library.id, found.path));
      if (before !== null && isUnchanged(found, before)) {
        report.unchanged += 1;
        return;
      }
      const result = await this.#read(job);
      await this.#take(job, result);
      if (result.kind !== 'fault') return;
    }
  }

  async #writeReused(): Promise<void> {
    const batch = this.#reuse;
    this.#reuse = [];
    if (batch.length === 0) return;
    const rows = new Map((await this.#rowsOf(batch)).map((row) => [row.id, row]));
    for (const { job, source, file } of batch) {
      const row = rows.get(source.id);
      const { sha256, size, mtimeMs, facts } = file;
      // Two files that swapped names: the source's row may already hold the other's vector.
      if (row?.sha256 === sha256)
        await this.#deps.writer.add({ ...row, ...place(job), sha256, size, mtimeMs, ...facts });
      else await this.#embedAgain(job);
    }
  }

  #rowsOf(batch: readonly Reuse[]): Promise<PhotoRow[]> {
    return this.#deps.table.rows([...new Set(batch.map(({ source }) => source.id))]);
  }

  async #embedAgain(job: Job): Promise<void> {
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
