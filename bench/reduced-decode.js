/**
 * What decoding at a reduced size costs and keeps: CPU time, and the cosine to the vector of the full decode.
 *
 *   node bench/reduced-decode.js [PHOTOS]      24 by default, at three sizes; built code is measured
 *
 * A row is a short side asked of sharp, in multiples of the side that the model's input is resized to; "curate" is
 * src/photos/decode.ts.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import sharp from 'sharp';
import { openSession } from '../dist/embedding/inference.js';
import { resolveModel } from '../dist/embedding/models.js';
import { preprocess } from '../dist/embedding/preprocess.js';
import { cosine, toUnitLength } from '../dist/embedding/vector.js';
import { decodePhoto } from '../dist/photos/decode.js';
import { loadSettings } from '../dist/settings.js';
import { realWorld } from '../dist/world.js';
import { cameraPhotos } from './camera-photos.js';

/** Megapixels, by the long and the short side. */
const SIZES = { 12: [4000, 3000], 8: [3264, 2448], 5: [2592, 1944] };
const MULTIPLES = [3, 2.5, 2, 1.75, 1.5, 1.25];

sharp.concurrency(1);
sharp.cache(false);

const world = realWorld();
const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
const model = await resolveModel(world, { ...loadSettings(world), paths: { config: home, data: home, cache: home } });
const infer = await openSession(model, home);
const target = model.input.resizeShortSide;

/** Decodes at `size` (null: in full). */
async function decodeWithSharp(bytes, size) {
  const pipeline = sharp(bytes, { ignoreIcc: true }).autoOrient();
  if (size !== null) pipeline.resize({ ...size, fit: 'fill', kernel: 'lanczos3' });
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** The vector of a photo decoded by `decode`, and the CPU time of that, milliseconds. */
async function embed(photo, decode) {
  const before = process.cpuUsage();
  const image = await decode();
  const { user, system } = process.cpuUsage(before);
  const vector = toUnitLength(await infer(preprocess(image, photo, model.input)));
  return { vector, cpuMs: (user + system) / 1000 };
}

try {
  const count = Number(process.argv[2] ?? 24);
  const folder = await cameraPhotos(300);
  const names = (await readdir(folder)).sort().filter((_, i) => i % Math.floor(300 / count) === 0);
  for (const [megapixels, [long, short]] of Object.entries(SIZES)) {
    const rows = new Map();
    // The first photo goes first twice: its first turn warms up and does not count.
    for (const [turn, name] of [names[0], ...names.slice(0, count)].entries()) {
      const original = await readFile(join(folder, name));
      const resized = sharp(original).autoOrient().resize(long, short, { fit: 'cover' }).jpeg({ quality: 92 });
      const bytes = megapixels === '12' ? original : await resized.toBuffer();
      const photo = (await sharp(bytes).metadata()).autoOrient;
      const side = Math.min(photo.width, photo.height);
      const whole = await embed(photo, () => decodeWithSharp(bytes, null));
      const scaled = (multiple) => ({
        width: Math.floor((photo.width * multiple * target) / side),
        height: Math.floor((photo.height * multiple * target) / side),
      });
      const ways = [
        ['full', () => decodeWithSharp(bytes, null)],
        ...MULTIPLES.map((multiple) => [`${multiple} x`, () => decodeWithSharp(bytes, scaled(multiple))]),
        ['curate', async () => (await decodePhoto(bytes, { reduceFor: target })).image],
      ];
      for (const [way, decode] of ways) {
        const { vector, cpuMs } = await embed(photo, decode);
        if (turn === 0) continue;
        const row = rows.get(way) ?? { cosines: [], cpuMs: [] };
        row.cosines.push(cosine(vector, whole.vector));
        row.cpuMs.push(cpuMs);
        rows.set(way, row);
      }
    }
    console.log(`${megapixels} megapixels   decode, CPU-ms   cosine: median    worst`);
    for (const [way, { cosines, cpuMs }] of rows) {
      const sorted = cosines.toSorted((a, b) => a - b);
      const mean = cpuMs.reduce((total, ms) => total + ms, 0) / cpuMs.length;
      const figures = [mean.toFixed(1).padStart(20), sorted[sorted.length >> 1].toFixed(5).padStart(17)];
      console.log(way.padEnd(10), ...figures, sorted[0].toFixed(5).padStart(10));
    }
  }
} finally {
  await rm(home, { recursive: true, force: true });
}
