import { mkdir, mkdtemp, readdir, realpath, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Embedder, EmbedRequest, EmbedResult } from '../../src/embedding/port.ts';
import { indexPhotos } from '../../src/library/index/index-photos.ts';
import { takeSample } from '../../src/library/verify/sample.ts';
import { isBelowBar, judge, type KindScore, scoreOf, upperBound } from '../../src/library/verify/score.ts';
import { insideTilted, makeVariant, VARIANTS } from '../../src/library/verify/variants.ts';
import { type VerifyReport, type VerifyRequest, verifyIndex } from '../../src/library/verify/verify.ts';
import type { Listing, PhotoRecord, PhotoRow } from '../../src/store/port.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { onlyMachine } from '../support/indexer.ts';
import { MemoryStore } from '../support/memory-store.ts';

let home: string;
let tmp: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-verified-')));
  tmp = join(home, 'tmp');
  await mkdir(tmp);
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Takes a photo for its mean colour: no crop, turn or exposure changes that much. */
class ColourEmbedder implements Embedder {
  readonly model = { ...testModel, dim: 3, thresholds: { ...testModel.thresholds, nearDuplicate: 0.9995 } };
  readonly capacity = 2;
  readonly #facts = new HashEmbedder();
  closed = false;
  /** Called before each file, to interfere with a run. */
  onEmbed: (file: string) => void = () => undefined;

  async embed({ file }: EmbedRequest): Promise<EmbedResult> {
    this.onEmbed(file);
    const result = await this.#facts.embed({ file });
    if (result.kind !== 'embedded') return result;
    const stats = await sharp(file)
      .stats()
      .catch(() => null);
    if (stats === null) return { kind: 'fault', fault: { code: 'corrupt', reason: 'is damaged' } };
    const mean = Float32Array.from(stats.channels.slice(0, 3), (channel) => channel.mean);
    const length = Math.hypot(...mean);
    return { kind: 'embedded', photo: { ...result.photo, vector: mean.map((value) => value / length) } };
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

/** An index of `count` photos, each of one of as many colours. */
class Bench {
  readonly store = new MemoryStore();
  readonly embedder = new ColourEmbedder();
  readonly table = this.store.table(this.embedder.model);
  readonly interrupt = new AbortController();
  readonly root = join(home, 'photos');

  async index(count: number): Promise<void> {
    await mkdir(join(this.root, 'half'), { recursive: true });
    for (let i = 0; i < count; i += 1) {
      const hue = (2 * Math.PI * i) / count;
      const [r = 0, g = 0, b = 0] = [0, 2, 4].map((third) => 110 + 50 * Math.cos(hue + (third * Math.PI) / 3));
      const folder = i % 2 === 0 ? this.root : join(this.root, 'half');
      await sharp({ create: { width: 90, height: 60, channels: 3, background: { r, g, b } } })
        .png()
        .toFile(join(folder, `${i}.png`));
    }
    await this.again();
  }

  async again(): Promise<void> {
    await indexPhotos(
      {
        store: this.store,
        table: this.table,
        openEmbedder: async () => this.embedder,
        onEvent: () => undefined,
        ...onlyMachine(),
        elapsed: () => performance.now(),
        interrupted: new AbortController().signal,
        confirmPrune: async () => true,
      },
      { roots: [this.root], ignore: [] },
    );
  }

  verify(request: Partial<VerifyRequest> = {}): Promise<VerifyReport> {
    return verifyIndex(
      {
        store: this.store,
        table: this.table,
        openEmbedder: async () => this.embedder,
        tmp,
        onProgress: () => undefined,
        interrupted: this.interrupt.signal,
      },
      { folder: null, sample: 200, seed: 1, ...request },
    );
  }

  rows(): PhotoRow[] {
    return [...this.table.stored.values()];
  }
}

describe('verifying an index', () => {
  it('finds a sound one healthy, with every kind of query counted', async () => {
    const bench = new Bench();
    await bench.index(12);
    const report = await bench.verify();
    expect(report).toMatchObject({ healthy: true, sample: 12, leftOut: { away: 0, changed: 0, unreadable: 0 } });
    expect(report.selfMatch).toMatchObject({ photos: 12, matched: 12, mismatched: [] });
    expect(report.kinds.map(({ kind }) => kind)).toEqual(['unaltered', ...VARIANTS]);
    for (const score of report.kinds) expect(score).toMatchObject({ queries: 12, recallAt1: 1, recallAt6: 1 });
    expect(report.verdict).toMatch(/^Healthy/);
  });

  it('names the photos whose stored vector is another one', async () => {
    const bench = new Bench();
    await bench.index(12);
    const [one, other] = bench.rows();
    if (one === undefined || other === undefined) throw new Error('nothing was indexed');
    await bench.table.upsert([
      { ...one, vector: other.vector },
      { ...other, vector: one.vector },
    ]);
    const { healthy, verdict, selfMatch } = await bench.verify();
    expect(healthy).toBe(false);
    expect(verdict).toMatch(/^Damaged: 2 of 12/);
    expect([...selfMatch.mismatched].sort()).toEqual([one, other].map(({ path }) => join(bench.root, path)).sort());
  });

  it('notices that searching itself does not work', async () => {
    const bench = new Bench();
    await bench.index(12);
    const [odd] = bench.rows();
    bench.table.search = async () => (odd === undefined ? [] : [{ ...odd, score: 1 }]);
    const { healthy, verdict } = await bench.verify();
    expect(healthy).toBe(false);
    expect(verdict).toMatch(/^Broken/);
  });

  it('takes a near-duplicate of the photo for the photo', async () => {
    const bench = new Bench();
    await bench.index(12);
    const search = bench.table.search.bind(bench.table);
    const source = new Map(bench.rows().map((row) => [row.id, `twin of ${row.id}`]));
    for (const row of bench.rows()) {
      await bench.table.upsert([{ ...row, id: `twin of ${row.id}`, library: 'elsewhere' }]);
    }
    // Only ever finds the twins.
    bench.table.search = async (vector, options) => {
      const hits = await search(vector, { ...options, k: 100, vectors: true });
      return hits.filter(({ id }) => !source.has(id)).slice(0, options.k);
    };
    expect(await bench.verify()).toMatchObject({ healthy: true, sample: 12 });
  });

  it('leaves out what changed, vanished or cannot be read, and counts it', async () => {
    const bench = new Bench();
    await bench.index(12);
    const [edited, removed, rotten] = bench.rows().map(({ path }) => join(bench.root, path));
    await utimes(edited ?? '', 5, 5);
    await rm(removed ?? '');
    const { size, mtime } = await stat(rotten ?? '');
    await writeFile(rotten ?? '', Buffer.alloc(size));
    await utimes(rotten ?? '', mtime, mtime);
    expect(await bench.verify()).toMatchObject({ sample: 9, leftOut: { away: 0, changed: 2, unreadable: 1 } });
  });

  it('leaves out a photo whose bytes are others although its size and time are the same', async () => {
    const bench = new Bench();
    await bench.index(12);
    const [row] = bench.rows();
    if (row === undefined) throw new Error('nothing was indexed');
    await bench.table.upsert([{ ...row, sha256: 'f'.repeat(64) }]);
    expect(await bench.verify()).toMatchObject({ sample: 11, leftOut: { changed: 1 }, healthy: true });
  });

  it('says when every drive is away, and when nothing is indexed', async () => {
    const bench = new Bench();
    await expect(bench.verify()).rejects.toMatchObject({ code: 'nothing_indexed' });
    await bench.index(12);
    await expect(bench.verify({ folder: join(home, 'elsewhere') })).rejects.toMatchObject({ code: 'not_indexed' });
    await rename(bench.root, join(home, 'unplugged'));
    await expect(bench.verify()).rejects.toMatchObject({ code: 'nothing_to_verify' });
  });

  it('removes its copies and closes the embedder, also when it fails or is interrupted', async () => {
    const bench = new Bench();
    await bench.index(12);
    let copies = 0;
    bench.embedder.onEmbed = (file) => {
      if (file.startsWith(tmp)) copies += 1;
    };
    await bench.verify();
    expect(copies).toBe(12 * VARIANTS.length);
    expect(await readdir(tmp)).toEqual([]);
    bench.embedder.onEmbed = (file) => {
      if (file.endsWith('tilted.jpg')) throw new Error('the embedder broke');
    };
    await expect(bench.verify()).rejects.toThrow('the embedder broke');
    expect(await readdir(tmp)).toEqual([]);
    bench.embedder.closed = false;
    bench.embedder.onEmbed = () => bench.interrupt.abort();
    await expect(bench.verify()).rejects.toMatchObject({ code: 'interrupted', kind: 'interrupted' });
    expect(await readdir(tmp)).toEqual([]);
    expect(bench.embedder.closed).toBe(true);
  });
});

describe('the sample', () => {
  it('is the same for the same seed, another for another, and within the folder', async () => {
    const bench = new Bench();
    await bench.index(30);
    const sample = async (seed: number, folder: string | null = null): Promise<string[]> =>
      (await takeSample(bench, folder, { size: 10, seed })).photos.map(({ file }) => file);
    expect(await sample(1)).toEqual(await sample(1));
    expect(await sample(1)).toHaveLength(10);
    expect(await sample(1)).not.toEqual(await sample(2));
    for (const file of await sample(1, join(bench.root, 'half'))) expect(file).toContain('/half/');
  });

  it('is read without the rest of the index, and takes every photo when it is asked for as many', async () => {
    const bench = new Bench();
    await bench.index(30);
    let read = 0;
    const all = async function* (options?: Listing): AsyncGenerator<PhotoRecord> {
      for await (const row of bench.table.all(options)) {
        read += 1;
        yield row;
      }
    };
    const index = { store: bench.store, table: Object.assign(Object.create(bench.table), { all }) };
    for (const seed of [1, 2, 3]) {
      read = 0;
      expect((await takeSample(index, null, { size: 4, seed })).photos).toHaveLength(4);
      expect(read).toBeLessThanOrEqual(5);
      const files = (await takeSample(index, null, { size: 100, seed })).photos.map(({ file }) => file);
      expect(new Set(files).size).toBe(30);
    }
  });

  it('is the same in an index that was made anew', async () => {
    const bench = new Bench();
    await bench.index(30);
    const take = (): Promise<string[]> =>
      takeSample(bench, null, { size: 10, seed: 1 }).then(({ photos }) => photos.map(({ file }) => file));
    const before = await take();
    for (const { id } of await bench.store.libraries()) await bench.store.removeLibrary(id);
    bench.table.stored.clear();
    await bench.again();
    expect(await take()).toEqual(before);
  });
});

describe('the statistics', () => {
  const rank = fc.option(fc.integer({ min: 1, max: 6 }));

  it('count what was found first and among six', () => {
    expect(scoreOf('crop', [1, 2, null, 6, 1])).toEqual({ kind: 'crop', queries: 5, recallAt1: 0.4, recallAt6: 0.8 });
    fc.assert(
      fc.property(fc.array(rank, { minLength: 1 }), (ranks) => {
        const { recallAt1, recallAt6 } = scoreOf('crop', ranks);
        expect(recallAt1).toBeLessThanOrEqual(recallAt6);
        expect(recallAt6 * ranks.length).toBeCloseTo(ranks.filter((found) => found !== null).length);
      }),
    );
  });

  it("bound a share as Wilson's interval does", () => {
    // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    expect(upperBound(81, 263)).toBeCloseTo(0.3662, 4);
    expect(upperBound(15, 148)).toBeCloseTo(0.1605, 4);
    expect(upperBound(0, 20)).toBeCloseTo(0.1611, 4);
    expect(upperBound(1, 29)).toBeCloseTo(0.1718, 4);
  });

  it('never bound a share below what was seen, and bound it closer with more queries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, max: 1, noNaN: true }), (queries, share) => {
        const found = Math.floor(queries * share);
        expect(upperBound(found, queries)).toBeGreaterThanOrEqual(found / queries - 1e-12);
        expect(upperBound(found, queries)).toBeLessThanOrEqual(1 + 1e-12);
        expect(upperBound(found * 4, queries * 4)).toBeLessThanOrEqual(upperBound(found, queries) + 1e-12);
      }),
    );
  });

  it('take a few misses in a small sample for chance, and the same share of a large one for a fault', () => {
    const crops = (found: number, queries: number): KindScore => ({
      kind: 'crop',
      queries,
      recallAt1: 0,
      recallAt6: found / queries,
    });
    expect(isBelowBar(crops(7, 10))).toBe(false);
    expect(isBelowBar(crops(140, 200))).toBe(true);
    expect(isBelowBar(crops(160, 200))).toBe(false);
    expect(isBelowBar({ ...crops(0, 200), kind: 'turned' })).toBe(false);
  });

  it('say in words which kinds are weak', () => {
    const selfMatch = { photos: 200, matched: 200, lowestCosine: 1, mismatched: [] };
    const scores = [scoreOf('unaltered', Array(200).fill(1)), scoreOf('crop', Array(200).fill(null))];
    const { healthy, verdict } = judge(selfMatch, scores, 30_000);
    expect(healthy).toBe(false);
    expect(verdict).toContain('crop 0 % (80 %)');
    expect(judge(selfMatch, scores.slice(0, 1), 30_000).verdict).not.toContain('easy');
    expect(judge(selfMatch, scores.slice(0, 1), 40).verdict).toContain('40 photos');
  });
});

describe('the variants', () => {
  const side = fc.integer({ min: 1, max: 60 });

  it('can be made of photos of any shape', async () => {
    await fc.assert(
      fc.asyncProperty(side, side, fc.constantFrom(...VARIANTS), fc.nat(3), async (width, height, variant, corner) => {
        const image = { width, height, data: new Uint8Array(width * height * 3).fill(90) };
        expect((await sharp(await makeVariant(variant, image, corner)).metadata()).format).toBe('jpeg');
      }),
      { numRuns: 60 },
    );
  });

  it('are what they are called', async () => {
    // Left half dark, right half light; 200 x 100.
    const data = Uint8Array.from({ length: 200 * 100 * 3 }, (_, i) => (Math.floor(i / 3) % 200 < 100 ? 40 : 160));
    const image = { width: 200, height: 100, data };
    const seen = async (variant: (typeof VARIANTS)[number], corner = 0): Promise<[number, number, number, number]> => {
      const { data: pixels, info } = await sharp(await makeVariant(variant, image, corner))
        .greyscale()
        .raw()
        .toBuffer({ resolveWithObject: true });
      const at = (x: number, y: number): number => pixels[Math.floor(y) * info.width + Math.floor(x)] ?? -1;
      return [info.width, info.height, at(4, info.height / 2), at(info.width - 5, info.height / 2)];
    };
    const near = (value: number): unknown => expect.closeTo(value, -0.8);
    expect(await seen('mirrored')).toEqual([200, 100, near(160), near(40)]);
    expect(await seen('darker')).toEqual([200, 100, near(29), near(117)]);
    expect(await seen('brighter')).toEqual([200, 100, near(55), near(219)]);
    expect(await seen('crop')).toEqual([140, 70, near(40), near(160)]);
    expect(await seen('corner-crop', 3)).toEqual([140, 70, near(40), near(160)]);
    expect(await seen('thumbnail')).toEqual([160, 80, near(40), near(160)]);
    expect((await seen('turned')).slice(0, 2)).toEqual([100, 200]);
    expect(await seen('tilted')).toEqual([175, 87, near(40), near(160)]);
  });

  it('are cut, when tilted, to where the photo is', () => {
    const size = fc.integer({ min: 20, max: 4_000 });
    fc.assert(
      fc.property(size, size, fc.double({ min: 0.5, max: 30, noNaN: true }), (width, height, degrees) => {
        const inner = insideTilted({ width, height }, degrees);
        const angle = (degrees * Math.PI) / 180;
        for (const [sx, sy] of [
          [1, 1],
          [1, -1],
        ] as const) {
          const [x, y] = [(sx * inner.width) / 2, (sy * inner.height) / 2];
          // The corner in the photo's own, untilted coordinates.
          expect(Math.abs(x * Math.cos(angle) + y * Math.sin(angle))).toBeLessThanOrEqual(width / 2 + 1);
          expect(Math.abs(y * Math.cos(angle) - x * Math.sin(angle))).toBeLessThanOrEqual(height / 2 + 1);
        }
      }),
    );
  });
});
