import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Embedder } from '../../src/embedding/port.ts';
import { indexPhotos } from '../../src/library/index/index-photos.ts';
import type { Session } from '../../src/library/session.ts';
import { dryRunDocument, pictureDocument } from '../../src/output/documents/picture.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { findLineage } from '../../src/picture/lineage/files.ts';
import { type Forgotten, type Made, type MakeEvent, make } from '../../src/picture/make.ts';
import type { Offer, OfferDeps } from '../../src/picture/offer.ts';
import { type ComicRequest, offerComic } from '../../src/picture/offer-comic.ts';
import { offerRefine, type RefineRequest } from '../../src/picture/offer-refine.ts';
import { offerReplay } from '../../src/picture/offer-replay.ts';
import { Outlet } from '../../src/picture/outlet.ts';
import type { WordQuery } from '../../src/picture/word-query.ts';
import type { Settings } from '../../src/settings.ts';
import { FakeOpenAi } from '../fake-openai/server.ts';
import { onlyMachine } from './indexer.ts';
import { MemoryStore } from './memory-store.ts';
import { memorySession } from './session.ts';
import { testWorld } from './world.ts';

/** What comic, refine and replay print with --json. */
export interface PictureJson {
  readonly schema: string;
  readonly pictures: readonly { path: string; sha256: string; width: number; height: number; bytes: number }[];
  readonly lineage: readonly string[];
  readonly references: readonly { path: string; role: string; score: number | null; used: boolean; reason: string }[];
  readonly model: string;
  readonly text: string;
  readonly usage: Record<string, unknown> | null;
  readonly cost: { readonly estimatedUsd: number | null; readonly actualUsd: number | null };
  readonly dropped: readonly string[];
  readonly dryRun: boolean;
  readonly folder?: string;
}

type ComicAsk = Partial<Omit<ComicRequest, 'query' | 'byHand'>> & { readonly ref?: readonly string[] };

/** Where pictures are made without a terminal: the use cases, a store in memory, the fake API, and what was reported. */
export class Darkroom {
  readonly root: string;
  readonly fake: FakeOpenAi;
  readonly store = new MemoryStore();
  readonly events: MakeEvent[] = [];
  /** Files that were read to be sent, in order. */
  readonly rendered: string[] = [];
  settings: Partial<Settings> = {};
  signal = new AbortController().signal;
  session: Session;
  folder = '';
  /** Where what cannot be written in `folder` is kept. */
  spare = '';
  readonly #embedder: Embedder;
  #tests = 0;

  private constructor(root: string, fake: FakeOpenAi, embedder: Embedder) {
    this.root = root;
    this.fake = fake;
    this.#embedder = embedder;
    this.session = this.#ownSession();
  }

  static async open(embedder: Embedder): Promise<Darkroom> {
    return new Darkroom(await mkdtemp(join(tmpdir(), 'curate-darkroom-')), await FakeOpenAi.start(), embedder);
  }

  /** For each test: an empty folder to work in, and nothing remembered but the index. */
  async fresh(): Promise<void> {
    this.#tests += 1;
    this.folder = join(this.root, `work-${this.#tests}`);
    this.spare = join(this.root, `spare-${this.#tests}`);
    await mkdir(this.folder);
    await mkdir(this.spare);
    this.fake.reset();
    this.events.length = 0;
    this.rendered.length = 0;
    this.settings = {};
    this.session = this.#ownSession();
    this.signal = new AbortController().signal;
  }

  async index(folder: string): Promise<void> {
    await indexPhotos(
      {
        store: this.store,
        table: this.store.table(this.#embedder.model),
        openEmbedder: async () => borrowed(this.#embedder),
        onEvent: () => undefined,
        ...onlyMachine(),
        elapsed: () => performance.now(),
        interrupted: new AbortController().signal,
        confirmPrune: async () => false,
      },
      { roots: [folder], ignore: [] },
    );
  }

  get deps(): OfferDeps & { readonly world: ReturnType<typeof testWorld> } {
    const paths = { config: this.root, data: this.root, cache: this.root };
    const access = { openaiApiKey: this.fake.key, openaiBaseUrl: this.fake.baseUrl };
    return {
      world: testWorld({ cwd: this.folder, home: '/' }),
      settings: { ...access, noColor: true, paths, ...this.settings } as Settings,
      session: this.session,
      render: (request) => {
        this.rendered.push(request.file);
        return renderPhoto(request);
      },
      signal: this.signal,
    };
  }

  comic(query: string | WordQuery, { ref = [], ...more }: ComicAsk = {}): Promise<Offer> {
    const named = (file: string) => {
      return { file: resolve(this.folder, file), given: isAbsolute(file) ? 'absolute' : 'relative' } as const;
    };
    return offerComic(
      {
        query: typeof query === 'string' ? named(query) : query,
        sendQuery: true,
        byHand: ref.map(named),
        slots: undefined,
        restriction: {},
        prompt: 'A comic',
        raw: false,
        wanted: { format: 'png', quality: 'low' },
        allowedPrivate: [],
        ...more,
      },
      this.deps,
    );
  }

  async refine(picture: string, prompt: string, more: Partial<RefineRequest> = {}): Promise<Offer> {
    const from = await findLineage(this.folder, picture);
    const rest = { raw: false, stateless: false, imageModel: undefined, allowedPrivate: [] };
    return offerRefine({ from, prompt, ...rest, wanted: { format: 'png' }, ...more }, this.deps);
  }

  async replay(picture: string): Promise<Offer> {
    return offerReplay({ from: await findLineage(this.folder, picture), allowedPrivate: [] }, this.deps);
  }

  async make(offer: Offer, { retries = 0, timeoutMs = 60_000 } = {}): Promise<Made | Forgotten> {
    const { world, settings, session, signal } = this.deps;
    const { prompt, parameters } = offer;
    const names = { cwd: this.folder, out: null, prompt, n: parameters.n, force: false, spares: [this.spare] };
    const outlet = await Outlet.open({ ...names, format: parameters.format, usual: 'png' });
    const onEvent = (event: MakeEvent): void => {
      this.events.push(event);
    };
    return make(offer, { world, settings, session, outlet }, { retries, timeoutMs, signal, onEvent });
  }

  /** The document of an offer that was agreed to. */
  async made(offer: Offer | Promise<Offer>): Promise<PictureJson> {
    const made = await this.make(await offer);
    if (made.kind === 'forgotten') throw new Error(made.reason);
    return pictureDocument(made) as unknown as PictureJson;
  }

  /** The document of an offer that was rehearsed. */
  async rehearsed(offer: Offer | Promise<Offer>): Promise<PictureJson> {
    return dryRunDocument(await offer, '/nowhere') as unknown as PictureJson;
  }

  #ownSession(): Session {
    return memorySession({ home: this.root, store: this.store, embedder: this.#embedder });
  }

  async close(): Promise<void> {
    await this.#embedder.close();
    await this.fake.close();
    await rm(this.root, { recursive: true });
  }
}

/** An index run closes its embedder; this one is still needed. */
function borrowed(embedder: Embedder): Embedder {
  return {
    model: embedder.model,
    capacity: embedder.capacity,
    embed: (request) => embedder.embed(request),
    close: async () => undefined,
  };
}
