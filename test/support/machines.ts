import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { IndexEvent, IndexReport } from '../../src/library/index/events.ts';
import { type IndexDeps, type IndexRequest, indexPhotos } from '../../src/library/index/index-photos.ts';
import { manifestsIn } from '../../src/library/index/level.ts';
import { sightingsIn } from '../../src/library/index/sightings.ts';
import type { LeasePace } from '../../src/library/lease.ts';
import type { ChangeDeps } from '../../src/library/libraries.ts';
import { type Machine, onMachine } from '../../src/library/machine.ts';
import { type FoundPhoto, searchVector } from '../../src/library/vector-search.ts';
import type { ModelIdentity, PhotoIndex, PhotoStore } from '../../src/store/port.ts';
import { HashEmbedder, testModel } from './hash-embedder.ts';
import { machineIn } from './indexer.ts';
import { MemoryStore } from './memory-store.ts';
import { memorySession } from './session.ts';
import { testWorld } from './world.ts';

/** Of machines that live: however busy this one is, none is taken for dead. */
const CALM: LeasePace = { lastsMs: 20_000, settleMs: 60, pollMs: 20 };
/** Of machines that are killed, which costs the others a quarter of a second. */
export const QUICK: LeasePace = { lastsMs: 250, settleMs: 5, pollMs: 5 };

interface Options {
  readonly model?: ModelIdentity;
  readonly roots?: Record<string, string>;
  readonly pace?: LeasePace;
  /** Of the store. */
  readonly uri?: string;
}

/** A machine with a disk and notes of its own, and a store that it shares with others. */
export class TestMachine {
  readonly name: string;
  readonly home: string;
  readonly machine: Machine;
  readonly index: PhotoIndex;
  readonly embedder = new HashEmbedder();
  readonly events: IndexEvent[] = [];

  readonly pace: LeasePace;
  readonly #model: ModelIdentity;
  /** Of what it knew last of the store. */
  manifests = '';

  /** @param disk the folder that stands for its disk */
  constructor(
    name: string,
    disk: string,
    store: PhotoStore,
    { model = testModel as ModelIdentity, roots = {}, pace = CALM, uri = 'http://nas:19530' }: Options = {},
  ) {
    this.name = name;
    this.home = join(disk, name);
    this.pace = pace;
    this.#model = model;
    this.machine = machineIn(join(this.home, 'curate'), roots, uri, () => store.identity());
    const here = onMachine(store, this.machine);
    this.index = { store: here, table: here.table(model) };
  }

  /** For what changes libraries otherwise than by indexing. */
  get changing(): ChangeDeps {
    const { machine, index, embedder } = this;
    const plain = memorySession({ home: join(this.home, 'curate'), store: new MemoryStore(), embedder });
    const session = { ...plain, machine, store: async () => index.store, index: async () => index };
    const world = testWorld({ hostname: this.name, pid: 2 });
    return { world, session, signal: world.interrupted, onWait: () => undefined, pace: this.pace };
  }

  at(path: string): string {
    return join(this.home, path);
  }

  async put(path: string, content: string): Promise<void> {
    await mkdir(dirname(this.at(path)), { recursive: true });
    await writeFile(this.at(path), content);
  }

  async delete(path: string): Promise<void> {
    await rm(this.at(path), { recursive: true });
  }

  /** @param library shared by this name; otherwise the folders are this machine's own */
  async indexFolder(
    folders: readonly string[],
    library?: string,
    more: Partial<IndexDeps> & Partial<IndexRequest> = {},
  ): Promise<IndexReport> {
    const [data, place] = [join(this.home, 'curate', 'data'), await this.machine.place()];
    this.manifests = manifestsIn(data, place, this.#model);
    return indexPhotos(
      {
        ...this.index,
        machine: this.machine,
        manifests: this.manifests,
        sightings: sightingsIn(data, place),
        model: { name: 'test', sha256: this.#model.sha256 },
        holder: `${this.name} (process 1)`,
        now: () => Date.now(),
        pace: this.pace,
        openEmbedder: async () => this.embedder,
        onEvent: (event) => this.events.push(event),
        interrupted: new AbortController().signal,
        elapsed: () => performance.now(),
        confirmPrune: async () => false,
        ...more,
      },
      {
        roots: folders.map((folder) => this.at(folder)),
        ignore: [],
        ...(library === undefined ? {} : { library }),
        ...(more.dryRun === undefined ? {} : { dryRun: more.dryRun }),
        ...(more.prune === undefined ? {} : { prune: more.prune }),
      },
    );
  }

  /** Everything that a search finds here. */
  find(): Promise<FoundPhoto[]> {
    return searchVector(this.index, { vector: Float32Array.of(1, 0, 0, 0), k: 1000 });
  }

  /** What a search finds here: the files, or NAME:/path of what is not on this machine. */
  async found(): Promise<string[]> {
    return (await this.find()).map(({ file }) => file).sort();
  }
}
