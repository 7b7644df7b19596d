/**
 * Photos as cameras make them, for the bench: 4000 x 3000 pixels, about 3.6 MB, each with bytes of its own.
 * Made from the fixtures, enlarged, with a sensor's noise, at the JPEG quality that gives the size.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const fixtures = fileURLToPath(new URL('../fixtures/photos/', import.meta.url));
const cache = fileURLToPath(new URL('../node_modules/.cache/curate-bench/', import.meta.url));

const WIDTH = 4000;
const HEIGHT = 3000;
const BYTES = 3.6e6;
/** Photos cut from one enlarged fixture: the cut is moved a little each time. */
const CUTS = 8;
const SHIFT = 12;
const NOISE = 6;

/** A folder of files that `make` writes into the folder it is given, kept for the next bench: it is there whole or not at all. */
export async function madeOnce(name, what, make) {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  console.error(`Making ${what} (once; some minutes) ...`);
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  await make(draft);
  await rename(draft, folder);
  return folder;
}

/** A folder of `count` photos, kept for the next bench. */
export function cameraPhotos(count) {
  return madeOnce(`photos-${count}`, `${count} photos of 12 megapixels`, (folder) => makePhotos(folder, count));
}

async function makePhotos(folder, count) {
  const originals = (await readdir(fixtures, { recursive: true }))
    .filter((name) => /\.(jpg|png|webp)$/.test(name))
    .sort();
  for (let made = 0, turn = 0; made < count; turn++) {
    const scene = await enlarged(join(fixtures, originals[turn % originals.length]), turn);
    const quality = await qualityFor(scene);
    for (let cut = 0; cut < CUTS && made < count; cut++, made++) {
      // A quarter is taken upright, as phones store it: turned, with an orientation to turn it back.
      const orientation = made % 4 === 3 ? 6 : 1;
      const exif = { IFD2: { DateTimeOriginal: `2024:05:${10 + (turn % 20)} 12:00:${10 + cut}` } };
      const photo = cutOut(scene, cut).withExif(exif).withMetadata({ orientation }).jpeg({ quality });
      await writeFile(join(folder, `IMG_${String(made).padStart(4, '0')}.jpg`), await photo.toBuffer());
    }
  }
}

/** A little larger than the photos, so that several can be cut from it. */
async function enlarged(file, seed) {
  const width = WIDTH + CUTS * SHIFT;
  const height = HEIGHT + CUTS * SHIFT;
  const { data } = await sharp(file)
    .autoOrient()
    .resize(width, height, { fit: 'cover' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  let state = seed + 1;
  for (let i = 0; i < data.length; i += 3) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // The sum of two even spreads; the same for the three colours, as most of a camera's noise is left in the luma.
    const noise = Math.round((((state >>> 24) + ((state >>> 16) & 255) - 255) * NOISE) / 150);
    for (let c = i; c < i + 3; c++) data[c] = Math.max(0, Math.min(255, data[c] + noise));
  }
  return { data, width, height };
}

function cutOut({ data, width, height }, cut) {
  return sharp(data, { raw: { width, height, channels: 3 } }).extract({
    left: cut * SHIFT,
    top: cut * SHIFT,
    width: WIDTH,
    height: HEIGHT,
  });
}

async function qualityFor(scene) {
  let [low, high] = [40, 98];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const { length } = await cutOut(scene, 0).jpeg({ quality: middle }).toBuffer();
    if (length > BYTES) high = middle;
    else low = middle;
  }
  return low;
}
