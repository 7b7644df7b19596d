import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Infer, openSession } from '../../src/embedding/inference.ts';
import { resolveModel } from '../../src/embedding/models.ts';
import type { EmbeddingModel } from '../../src/embedding/port.ts';
import { preprocess } from '../../src/embedding/preprocess.ts';
import { toUnitLength } from '../../src/embedding/vector.ts';
import { decodePhoto } from '../../src/photos/decode.ts';
import type { RgbImage, Size } from '../../src/photos/pixels.ts';
import { loadSettings } from '../../src/settings.ts';
import { repository } from '../support/cli.ts';
import { generatedImage } from '../support/generated.ts';
import { testWorld } from '../support/world.ts';

type Subject = string | (Size & { readonly seed: number });

const data = new URL('../data/parity/', import.meta.url);
const about = JSON.parse(readFileSync(new URL('vectors.json', data), 'utf8')) as { model: string; of: Subject[] };
const references = readFileSync(new URL('vectors.bin', data));

let home: string;
let model: EmbeddingModel;
let infer: Infer;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'curate-parity-'));
  const world = testWorld({ env: { CURATE_HOME: home } });
  model = await resolveModel(world, loadSettings(world));
  infer = await openSession(model, join(home, 'cache'));
});
afterAll(() => rmSync(home, { recursive: true }));

function reference(index: number): number[] {
  return Array.from({ length: model.dim }, (_, i) => references.readFloatLE((index * model.dim + i) * 4));
}

async function embed(image: RgbImage, photo: Size): Promise<Float32Array> {
  return toUnitLength(await infer(preprocess(image, photo, model.input)));
}

async function embedFixture(name: string, exact: boolean): Promise<Float32Array> {
  return embedBytes(readFileSync(join(repository, 'fixtures', 'photos', name)), exact);
}

async function embedBytes(bytes: Uint8Array, exact: boolean): Promise<Float32Array> {
  const decoded = await decodePhoto(bytes, { reduceFor: exact ? null : model.input.resizeShortSide });
  if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
  return embed(decoded.image, decoded.size);
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))));
}

describe('vectors beside those of Pillow and ONNX Runtime in Python', () => {
  test('were made with the model that is bundled', () => {
    expect(model.sha256).toBe(about.model);
  });

  for (const [index, subject] of about.of.entries()) {
    if (typeof subject === 'string') {
      test(`${subject}: the cosine is at least 0.9999 when decoded in full`, async () => {
        expect(cosine(await embedFixture(subject, true), reference(index))).toBeGreaterThan(0.9999);
      });
      // Lossless, so that both sides start from the same pixels.
      if (!/\.(png|tif)$/.test(subject)) continue;
      test(`${subject}: no number differs by more than 0.00001`, async () => {
        expect(largestDifference(await embedFixture(subject, true), reference(index))).toBeLessThan(1e-5);
      });
    } else {
      const { width, height, seed } = subject;
      test(`${width} x ${height} pixels from seed ${seed}: no number differs by more than 0.00001`, async () => {
        const vector = await embed(generatedImage(width, height, seed), { width, height });
        expect(largestDifference(vector, reference(index))).toBeLessThan(1e-5);
      });
    }
  }
});

test('several threads for a photo give its vector bit for bit', async () => {
  const together = [2, 3, 4].map((threads) => openSession(model, join(home, 'cache'), threads));
  for (const seed of [1, 2, 3]) {
    const pixels = preprocess(generatedImage(320, 240, seed), { width: 320, height: 240 }, model.input);
    const alone = await infer(pixels.slice());
    for (const one of await Promise.all(together)) expect(await one(pixels.slice())).toEqual(alone);
  }
});

/** A fixture at the size a camera gives, with noise as a sensor's, so that there is detail to lose. */
async function cameraPhoto(name: string, width: number, height: number): Promise<Buffer> {
  const original = sharp(join(repository, 'fixtures', 'photos', name)).autoOrient();
  const { data } = await original.resize(width, height).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const noise = generatedImage(width, height, 1).data;
  for (let i = 0; i < data.length; i++) {
    data[i] = Math.max(0, Math.min(255, (data[i] ?? 0) + ((noise[i] ?? 0) - 128) / 8));
  }
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 92 })
    .toBuffer();
}

test('a large photo decoded at a reduced size keeps a cosine of 0.998 in the median, 0.99 at worst', async () => {
  const cosines: number[] = [];
  const names = ['crab.jpg', 'Garden/bee.jpg', 'Küche/fig.jpg', 'pets/chelsea.png', 'Zoo/red-panda-1.jpg'];
  for (const [i, name] of names.entries()) {
    for (const [width, height] of [
      [4000, 3000],
      [3264, 2448],
      [1944, 2592],
    ] as const) {
      // Each name at two of the three sizes: enough for a median, and half a minute less.
      if ((i + width) % 3 === 0) continue;
      const bytes = await cameraPhoto(name, width, height);
      const [whole, reduced] = await Promise.all([embedBytes(bytes, true), embedBytes(bytes, false)]);
      cosines.push(cosine(whole, reduced));
    }
  }
  cosines.sort((a, b) => a - b);
  expect(cosines[0]).toBeGreaterThan(0.99);
  expect(cosines[cosines.length >> 1]).toBeGreaterThan(0.998);
});

test('the eight orientations of one photo have nearly the same vector, decoded in full or not', async () => {
  for (const exact of [true, false]) {
    const vectors = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => embedFixture(`Orientation/kingfisher-${n}.jpg`, exact)),
    );
    for (const a of vectors) for (const b of vectors) expect(cosine(a, b)).toBeGreaterThan(0.99);
  }
});

describe('a HEIC photo decoded only where the model looks, without filters, at a reduced size', () => {
  const photo = readFileSync(join(repository, 'test/data/heic-raw/large.heic'));

  test.each([0, 1, 2, 3])('keeps the vector to 0.9995 after %i quarter turns', async (turns) => {
    const bytes = Buffer.from(photo);
    bytes[bytes.indexOf('irot') + 4] = turns;
    // No multiple of what it is reduced by, in its extent and its grid.
    for (const [at, size] of [
      [bytes.indexOf(Buffer.from([0, 0, 0x06, 0x40, 0, 0, 0x04, 0xb0])), [0, 0, 0x06, 0x3d, 0, 0, 0x04, 0xad]],
      [bytes.indexOf(Buffer.from([0x06, 0x40, 0x04, 0xb0])), [0x06, 0x3d, 0x04, 0xad]],
    ] as const) {
      bytes.set(size, at);
    }
    const reduceFor = model.input.resizeShortSide;
    const decoded = await decodePhoto(bytes, { reduceFor, centreSquare: true });
    if (decoded.kind === 'fault') throw new Error(decoded.fault.reason);
    expect(Math.min(decoded.image.width, decoded.image.height)).toBe(599);
    const vector = await embed(decoded.image, decoded.size);
    expect(cosine(vector, await embedBytes(bytes, true))).toBeGreaterThan(0.9995);
  });
});
