import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Classifier } from '../../../src/embedding/classifier/classifier.ts';
import { candidatesOf, candidatesOfAll } from '../../../src/library/words/class-index/candidates.ts';
import {
  type ClassIndex,
  ClassIndexBuilder,
  type IndexedPhoto,
  ROUNDING,
} from '../../../src/library/words/class-index/class-index.ts';
import { readClassIndex, readOrigin, writeClassIndex } from '../../../src/library/words/class-index/file.ts';
import { rankByTerms, shareOf } from '../../../src/library/words/rank.ts';

const CLASSES = 12;
/** What sums of twelve float32 may be off by. */
const OFF = 2e-6;

interface Photo extends IndexedPhoto {
  readonly shares: Float32Array;
}

/** Softmaxes of logits that leave most classes next to nothing, as those of photos do; some photos are alike to the bit. */
const somePhotos = fc
  .array(fc.array(fc.double({ min: -14, max: 6, noNaN: true }), { minLength: CLASSES, maxLength: CLASSES }), {
    minLength: 1,
    maxLength: 30,
  })
  .map((all) => [...all, ...all.slice(0, 3)].map(photoOf));
const someClasses = fc.uniqueArray(fc.nat(CLASSES - 1), { minLength: 1, maxLength: CLASSES });

function photoOf(logits: readonly number[], number: number): Photo {
  const exponentials = logits.map(Math.exp);
  const sum = exponentials.reduce((a, b) => a + b, 0);
  const id = number.toString(16).padStart(64, '0');
  return { id, sha256: id.replace(/^0/, 'f'), shares: Float32Array.from(exponentials, (one) => one / sum) };
}

function indexed(photos: readonly Photo[]): ClassIndex {
  const builder = new ClassIndexBuilder(CLASSES);
  add(builder, photos);
  return builder.finish();
}

function add(builder: ClassIndexBuilder, photos: readonly Photo[]): void {
  const shares = photos.map((photo) => photo.shares);
  builder.add(photos, shares);
}

/** What it says of each photo, whatever the order. */
function saidBy(index: ClassIndex): Record<string, unknown> {
  const byClass = Array.from({ length: CLASSES }, (_, one) => index.sharesOf([one]));
  return Object.fromEntries(
    Array.from(index.rest, (rest, place) => {
      const { id, sha256 } = index.photo(place);
      return [id, [sha256, rest, byClass.map((shares) => shares[place])]];
    }),
  );
}

describe('an index of classes', () => {
  it('gives bounds between which every share lies', () => {
    fc.assert(
      fc.property(somePhotos, someClasses, (photos, classes) => {
        const index = indexed(photos);
        const sums = index.sharesOf(classes);
        photos.forEach(({ id, sha256, shares }, place) => {
          const [sum = 0, rest = 0, share] = [sums[place], index.rest[place], shareOf(shares, classes)];
          expect(index.photo(place)).toEqual({ id, sha256 });
          expect(share).toBeGreaterThanOrEqual(sum - OFF);
          expect(share).toBeLessThanOrEqual(sum + rest + OFF);
        });
      }),
    );
  });

  it('has the k photos that show a word most among its candidates, fewer only where no other shows it', () => {
    fc.assert(
      fc.property(somePhotos, somePhotos, someClasses, fc.integer({ min: 1, max: 8 }), (some, more, classes, k) => {
        const others = more.map((photo, i) => ({ ...photo, id: (1000 + i).toString(16).padStart(64, '0') }));
        const found = candidatesOf([indexed(some), indexed(others)], classes, { k, most: 100 });
        const all = [...some, ...others].map(({ id, shares }) => ({ id, share: shareOf(shares, classes) }));
        const best = all.sort((a, b) => b.share - a.share).slice(0, k);
        if (found.length < k) {
          expect(best[found.length]?.share ?? 0).toBeLessThan(classes.length * 1e-4);
        }
        // Of photos that are alike to the bit any may be among the best: it is the share that counts.
        const shares = all.filter(({ id }) => found.includes(id)).map(({ share }) => share);
        expect(shares.slice(0, k)).toEqual(best.slice(0, found.length).map(({ share }) => share));
      }),
    );
  });

  it('ranks photos by several words as looking at them does, as far as their shares are known', () => {
    const weight = fc.constantFrom(1, 2, 0.5, -1);
    const word = fc.record({ kind: fc.constant('word' as const), classes: someClasses, weight });
    fc.assert(
      fc.property(somePhotos, fc.array(word, { minLength: 2, maxLength: 3 }), (photos, words) => {
        fc.pre(words.some((one) => one.weight > 0));
        // Nothing is left out of these.
        const whole = photos.filter(({ shares }) => shares.every((share) => share >= 1e-4));
        const classifier = { classes: CLASSES } as Classifier;
        const sharesOf = (rows: readonly Photo[]) => rows.map(({ shares }) => shares);
        const rows = whole.map((photo) => ({ ...photo, vector: new Float32Array() }));
        const ranked = rankByTerms(rows, words, { classifier, similar: 0, sharesOf });
        const scores = new Map(ranked.map(({ row, score }) => [row.id, score]));
        const found = candidatesOfAll([indexed(whole)], words, whole.length);
        expect([...found].sort()).toEqual(whole.map(({ id }) => id).sort());
        found.forEach((id, i) => {
          const next = scores.get(found[i + 1] ?? '') ?? 0;
          expect((scores.get(id) ?? 0) + 1e-4).toBeGreaterThanOrEqual(next);
        });
      }),
    );
  });

  it('gives as many candidates as are asked for, and all that tie with the last', () => {
    const photos = [...Array(9)].map((_, i) => photoOf([i < 3 ? 5 : 3, ...Array(CLASSES - 1).fill(2.5)], i));
    const index = indexed(photos);
    expect(candidatesOf([index], [0], { k: 1, most: 2 })).toEqual(photos.slice(0, 3).map(({ id }) => id));
    expect(candidatesOf([index], [0], { k: 5, most: 5 })).toHaveLength(9);
    expect(candidatesOf([index], [0], { k: 10, most: 20 })).toHaveLength(9);
  });

  it('is the same, put together at once or from what another has', () => {
    fc.assert(
      fc.property(somePhotos, fc.nat(), fc.infiniteStream(fc.boolean()), (photos, cut, keeps) => {
        const at = cut % (photos.length + 1);
        const before = indexed(photos.slice(0, at));
        const kept = [...Array(at).keys()].filter(() => keeps.next().value === true).reverse();
        const builder = new ClassIndexBuilder(CLASSES);
        builder.keep(before, kept);
        add(builder, photos.slice(at));
        const whole = indexed([...kept.map((place) => photos[place] as Photo), ...photos.slice(at)]);
        expect(saidBy(builder.finish())).toEqual(saidBy(whole));
      }),
    );
  });
});

describe('the file of an index', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'curate-classes-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const photos = [...Array(5)].map((_, i) =>
    photoOf(
      [...Array(CLASSES)].map((_, c) => ((i * 7 + c * 5) % 11) - 5),
      i,
    ),
  );
  const origin = { classifier: 'these weights', mark: 'm1' };

  it('is read as it was written', async () => {
    const [file, index] = [join(folder, 'one'), indexed(photos)];
    await writeClassIndex(file, index, origin);
    const read = await readClassIndex(file, origin.classifier);
    expect(read?.mark).toBe('m1');
    expect(read && saidBy(read.index)).toEqual(saidBy(index));
    expect(await readOrigin(file)).toMatchObject(origin);
  });

  it('of no photo can be read, too', async () => {
    const file = join(folder, 'none');
    await writeClassIndex(file, indexed([]), { ...origin, mark: null });
    const read = await readClassIndex(file, origin.classifier);
    expect(read).toMatchObject({ mark: null, index: { rest: { length: 0 } } });
  });

  it('is not believed when it is cut short, garbled, made with other weights, or not there', async () => {
    const file = join(folder, 'damaged');
    await writeClassIndex(file, indexed(photos), origin);
    const whole = await readFile(file);
    expect(await readClassIndex(file, 'other weights')).toBeNull();
    for (const damaged of [whole.subarray(0, -1), whole.subarray(0, 100), Buffer.alloc(0), Buffer.alloc(700, 0x7b)]) {
      await writeFile(file, damaged);
      expect(await readClassIndex(file, origin.classifier)).toBeNull();
      expect(await readOrigin(file)).toBeNull();
    }
    // Where the postings of a class begin.
    const starts = 512 + 68 * photos.length;
    await writeFile(
      file,
      Buffer.concat([whole.subarray(0, starts), Buffer.alloc(4, 0xff), whole.subarray(starts + 4)]),
    );
    expect(await readClassIndex(file, origin.classifier)).toBeNull();
    expect(await readClassIndex(join(folder, 'absent'), origin.classifier)).toBeNull();
    expect(await readOrigin(join(folder, 'absent'))).toBeNull();
  });
});

it('sums of a thousand classes, of which each takes next to nothing, are off by no more than is allowed for', () => {
  const classes = Array.from({ length: 1000 }, (_, one) => one);
  const photos = [0.0008, 0.0009, 0.00099].map((one, i) => {
    const { id, sha256 } = photoOf([], i);
    return { id, sha256, shares: Float32Array.from(classes, () => one) };
  });
  const builder = new ClassIndexBuilder(classes.length);
  add(builder, photos);
  const said = builder.finish().sharesOf(classes);
  const off = photos.map(({ shares }, place) => Math.abs((said[place] as number) - shareOf(shares, classes)));
  expect(Math.max(...off)).toBeGreaterThan(1e-6);
  expect(Math.max(...off)).toBeLessThanOrEqual(ROUNDING);
});
