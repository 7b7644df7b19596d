import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveModel } from '../../src/embedding/models.ts';
import type { EmbeddingModel } from '../../src/embedding/port.ts';
import { preprocess } from '../../src/embedding/preprocess.ts';
import { type Infer, openSession } from '../../src/embedding/session.ts';
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
  const bytes = readFileSync(join(repository, 'fixtures', 'photos', name));
  const decoded = await decodePhoto(bytes, { reduceFor: exact ? null : model.input.resizeShortSide });
  if (decoded.kind === 'fault') throw new Error(`${name} ${decoded.fault.reason}`);
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

test('the eight orientations of one photo have nearly the same vector, decoded in full or not', async () => {
  for (const exact of [true, false]) {
    const vectors = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => embedFixture(`Orientation/kingfisher-${n}.jpg`, exact)),
    );
    for (const a of vectors) for (const b of vectors) expect(cosine(a, b)).toBeGreaterThan(0.99);
  }
});
