/**
 * What photos of each format cost, by size and stage, beside Pillow on the same files; and what the reduced decoding
 * keeps of the full decode's vector.
 *
 *   node bench/formats.js      built code is measured
 *
 * Processor time, of the fastest of a few turns on each photo: other programs only ever add to it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { openSession } from '../dist/embedding/inference.js';
import { resolveModel } from '../dist/embedding/models.js';
import { preprocess } from '../dist/embedding/preprocess.js';
import { cosine, toUnitLength } from '../dist/embedding/vector.js';
import { decodePhoto } from '../dist/photos/decode.js';
import { loadSettings } from '../dist/settings.js';
import { realWorld } from '../dist/world.js';
import { cameraPhotos, madeOnce } from './camera-photos.js';
import { turnsOf } from './processor-time.js';
import { benchPython } from './python.js';

/** Megapixels, by width and height. */
const SIZES = { 12: [4000, 3000], 24: [6000, 4000] };
const FORMATS = {
  jpeg: (image) => image.jpeg({ quality: 92 }),
  progressive: (image) => image.jpeg({ quality: 92, progressive: true }),
  webp: (image) => image.webp({ quality: 85, effort: 2 }),
  png: (image) => image.png({ compressionLevel: 6 }),
  avif: (image) => image.avif({ quality: 60, effort: 0 }),
};
/** cameraPhotos cuts eight from a scene: three scenes. */
const CAMERA_PHOTOS = 24;
const SCENES = [0, 8, 16];
const TURNS = 5;

sharp.concurrency(1);
sharp.cache(false);

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** The photos of each format and size, as files. */
async function makePhotos(folder) {
  const camera = await cameraPhotos(CAMERA_PHOTOS);
  const names = (await readdir(camera)).sort();
  for (const scene of SCENES) {
    const original = await readFile(join(camera, names[scene]));
    for (const [megapixels, [width, height]] of Object.entries(SIZES)) {
      for (const [format, encode] of Object.entries(FORMATS)) {
        const image = sharp(original).autoOrient().resize(width, height, { fit: 'cover' });
        await encode(image).toFile(join(folder, `${format}-${megapixels}-${scene}`));
      }
    }
  }
}

/** The result of `work`, and the least processor time of a few turns, milliseconds. */
async function timed(work) {
  const { result, times } = await turnsOf(TURNS, work);
  return { result, cpuMs: Math.min(...times) };
}

async function measure(file, input, infer) {
  const bytes = await readFile(file);
  const reduceFor = input.resizeShortSide;
  const decode = await timed(() => decodePhoto(bytes, { reduceFor }));
  const { image, size } = decode.result;
  const resize = await timed(() => preprocess(image, size, input));
  const whole = await decodePhoto(bytes, { reduceFor: null });
  const vector = toUnitLength(await infer(resize.result));
  const exact = toUnitLength(await infer(preprocess(whole.image, size, input)));
  return { decode: decode.cpuMs, resize: resize.cpuMs, cosine: cosine(vector, exact) };
}

const world = realWorld();
const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
try {
  const model = await resolveModel(world, { ...loadSettings(world), paths: { config: home, data: home, cache: home } });
  const infer = await openSession(model, home);
  const folder = await madeOnce('formats', 'the photos of each format', makePhotos);
  const python = await benchPython();
  const script = fileURLToPath(new URL('./formats.py', import.meta.url));
  console.log('CPU-ms          curate: decode  resize    Pillow: decode  resize   cosine: worst');
  for (const megapixels of Object.keys(SIZES)) {
    for (const format of Object.keys(FORMATS)) {
      const files = SCENES.map((scene) => join(folder, `${format}-${megapixels}-${scene}`));
      const ours = [];
      for (const file of files) ours.push(await measure(file, model.input, infer));
      const lines = execFileSync(python, [script, String(model.input.resizeShortSide), ...files], { encoding: 'utf8' });
      const theirs = lines.trim().split('\n').map(JSON.parse);
      const figures = [
        median(ours.map(({ decode }) => decode))
          .toFixed(1)
          .padStart(15),
        median(ours.map(({ resize }) => resize))
          .toFixed(1)
          .padStart(8),
        median(theirs.map(({ decode }) => decode))
          .toFixed(1)
          .padStart(18),
        median(theirs.map(({ resize }) => resize))
          .toFixed(1)
          .padStart(8),
        Math.min(...ours.map(({ cosine: each }) => each))
          .toFixed(5)
          .padStart(16),
      ];
      console.log(`${megapixels} MP ${format}`.padEnd(15), figures.join(''));
    }
  }
} finally {
  await rm(home, { recursive: true, force: true });
}
