import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Embedder, StageTimings } from '../../src/embedding/port.ts';
import { UserError } from '../../src/errors.ts';
import { activeModel } from '../../src/library/active-model.ts';
import type { IndexEvent } from '../../src/library/index/events.ts';
import { holdIndex } from '../../src/library/index/lock.ts';
import { type IndexRun, type IndexRunRequest, runIndex } from '../../src/library/index/run.ts';
import type { Session } from '../../src/library/session.ts';
import { freshModel, photo } from '../store/samples.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { memorySession } from '../support/session.ts';
import { testWorld } from '../support/world.ts';

let home: string;
let photos: string;
let store: MemoryStore;
let embedder: HashEmbedder;
let events: IndexEvent[];
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-run-')));
  photos = join(home, 'photos');
  await mkdir(photos);
  store = new MemoryStore();
  embedder = new HashEmbedder();
  events = [];
});
afterEach(() => rm(home, { recursive: true, force: true }));

function run(
  request: Partial<IndexRunRequest> = {},
  { model, using = embedder, signal = new AbortController().signal }: RunOptions = {},
): Promise<IndexRun> {
  const session = memorySession({ home, store, embedder: using, ...(model === undefined ? {} : { model }) });
  return runIndex(
    {
      world: testWorld(),
      session,
      signal,
      onEvent: (event) => events.push(event),
      confirmPrune: async () => false,
    },
    { roots: [photos], ignore: [], ...request },
  );
}

interface RunOptions {
  readonly model?: string;
  readonly using?: Embedder;
  readonly signal?: AbortSignal;
}

type Opening = Parameters<Session['openEmbedder']>[0];
/** The identity of the catalogue's default model, which has a faster one. */
const BUNDLED = { id: 'resnet50', sha256: '6bf34e04fb7ef6f0c42b83752babe84818262a141bd4709f4e0ac2039a595e87' };

const settings = () => memorySession({ home, store, embedder }).settings;
const broken = new UserError('store_failed', 'The store is broken.');

/** Embeds some photos and then takes for ever. */
function stuckAfter(count: number): Embedder {
  let embedded = 0;
  const embed: Embedder['embed'] = (request) =>
    embedded++ < count ? embedder.embed(request) : new Promise(() => undefined);
  return { model: testModel, capacity: 3, embed, close: async () => undefined };
}

describe('an index run', () => {
  it('gives the report, the model and the store, and remembers the model', async () => {
    await writeFile(join(photos, 'a.jpg'), 'one');
    expect(await run()).toMatchObject({
      report: { embedded: 1, interrupted: false, libraries: [{ name: 'photos', photos: 1, added: 1 }] },
      model: { id: 'test' },
      store: 'lite',
    });
    expect(await activeModel(settings())).toBe('test');
  });

  it('remembers nothing when it was a rehearsal', async () => {
    await writeFile(join(photos, 'a.jpg'), 'one');
    expect(await run({ dryRun: true })).toMatchObject({ report: { libraries: [{ photos: 1, added: 1 }] } });
    expect(await activeModel(settings())).toBeNull();
    expect(embedder.embedded).toBe(0);
  });

  it('waits for another run, saying whose, and gives up waiting when it is told to', async () => {
    const stop = new AbortController();
    const held = { onWait: () => undefined, signal: new AbortController().signal };
    await holdIndex({ pid: 4711 }, settings(), held, async () => {
      const waiting = run({}, { signal: stop.signal });
      await expect.poll(() => events).toEqual([{ kind: 'waiting', holder: 4711 }]);
      stop.abort();
      await expect(waiting).rejects.toMatchObject({ kind: 'interrupted' });
    });
  });

  it('says how long a change of model takes, once', async () => {
    await store.table(freshModel()).upsert(Array.from({ length: 400 }, (_, i) => photo(`${i}.jpg`)));
    await writeFile(join(photos, 'a.jpg'), 'one');
    await run({}, { model: 'test' });
    const { cores } = testWorld();
    expect(events[0]).toEqual({ kind: 'new-model', model: 'test', photos: 400, seconds: 400 / (10 * cores) });
    events = [];
    await run({}, { model: 'test' });
    expect(events.map(({ kind }) => kind)).not.toContain('new-model');
  });

  describe('with a faster model beside its own', () => {
    /** Of the catalogue's default model, whose embedder takes `seconds` for each photo by the test's clock. */
    function slowRun(photosToDo: number, seconds: number, other: (id: string) => Promise<Embedder>): Promise<IndexRun> {
      let now = 0;
      const model = { ...testModel, ...BUNDLED };
      const slow: Embedder = { model, capacity: 1, embed: (request) => embedder.embed(request), close: async () => {} };
      const session = memorySession({ home, store, embedder: slow });
      const openEmbedder: Session['openEmbedder'] = async (options, named) => {
        if (named !== undefined) return timed(await other(named), options, { decode: 1, infer: 100 });
        const stages = { decode: (seconds * 1000) / 4, infer: (seconds * 1000 * 3) / 4 };
        const embed: Embedder['embed'] = (request) => {
          now += seconds * 1000;
          return embedder.embed(request);
        };
        return timed({ ...slow, embed }, options, stages);
      };
      const world = { ...testWorld(), elapsed: () => now };
      const signal = new AbortController().signal;
      const deps = { world, session: { ...session, openEmbedder }, signal, confirmPrune: async () => false };
      return manyPhotos(photosToDo).then(() =>
        runIndex(
          { ...deps, onEvent: (event) => events.push(event) },
          { roots: [photos], ignore: [], embedding: { jobs: 1 } },
        ),
      );
    }
    const manyPhotos = async (n: number): Promise<void> => {
      await Promise.all(Array.from({ length: n }, (_, i) => writeFile(join(photos, `${i}.jpg`), `photo ${i}`)));
    };
    function timed(inner: Embedder, options: Opening, stages: StageTimings): Embedder {
      const embed: Embedder['embed'] = async (request) => {
        const result = await inner.embed(request);
        options?.onTimings?.(stages);
        return result;
      };
      return { model: inner.model, capacity: inner.capacity, embed, close: async () => undefined };
    }
    const said = (): IndexEvent[] => events.filter(({ kind }) => kind === 'faster-model');

    it('says once what it would save of a long first run, as measured, and goes on as it is', async () => {
      const { fasterModel, report } = await slowRun(200, 4, async (id) => {
        expect(id).toBe('resnet50-int8');
        return embedder;
      });
      expect(report).toMatchObject({ embedded: 200 });
      // Of 4 s a photo, 3 are inference, which the other does in 0.1.
      const timesAsFast = 4 / 1.1;
      expect(said()).toHaveLength(1);
      expect(said()[0]).toMatchObject({ model: 'resnet50-int8', photos: 200, seconds: 800, reason: null });
      expect(fasterModel?.measured?.timesAsFast).toBeCloseTo(timesAsFast);
      // After 60 photos, the other model would begin anew.
      expect(fasterModel?.measured?.savesSeconds).toBeCloseTo(4 * (140 - 200 / timesAsFast));
    });

    it('says nothing of a run of less than ten minutes, and nothing once photos are indexed', async () => {
      await slowRun(100, 4, async () => embedder);
      expect(said()).toEqual([]);
      await rm(photos, { recursive: true });
      await mkdir(photos);
      await slowRun(200, 4, async () => embedder);
      expect(said()).toEqual([]);
    });

    it('says why it was not measured where the other model cannot be opened', async () => {
      const missing = new UserError('model_missing', 'The model resnet50-int8 is not on this machine.');
      const run = await slowRun(160, 4, () => Promise.reject(missing));
      expect(run.fasterModel).toMatchObject({ measured: null, reason: missing.message });
      expect(run.report).toMatchObject({ embedded: 160 });
    });
  });

  it('says that all libraries are away and how to go on, unless somebody waits for them', async () => {
    await store.putLibrary({ id: 'x', name: 'Trips', root: join(home, 'unplugged') });
    await expect(run({ roots: [] })).rejects.toMatchObject({
      code: 'libraries_away',
      kind: 'failed',
      message: `The indexed folder ${join(home, 'unplugged')} is not there now.`,
      hint: expect.stringContaining('curate library relocate "Trips"'),
    });
    await store.putLibrary({ id: 'y', name: 'Family', root: join(home, 'gone') });
    await expect(run({ roots: [] })).rejects.toThrow('None of the 2 indexed folders is there now.');
    expect(await run({ roots: [], mayAllBeAway: true })).toMatchObject({ report: { libraries: [] } });
  });
});

describe('a store that fails', () => {
  it('ends the run at once, whatever is being embedded', async () => {
    for (let i = 0; i < 20; i += 1) await writeFile(join(photos, `${i}.jpg`), `photo ${i}`);
    const table = store.table(testModel);
    table.upsert = async () => {
      throw broken;
    };
    // Far fewer rows than make a batch; the photos after them are never done.
    await expect(run({}, { using: stuckAfter(5) })).rejects.toBe(broken);
  });

  it('is found out before anything is embedded', async () => {
    await writeFile(join(photos, 'a.jpg'), 'one');
    store.table(testModel).count = async () => {
      throw broken;
    };
    await expect(run()).rejects.toBe(broken);
    expect(embedder.embedded).toBe(0);
  });
});
