/**
 * The int8 model beside the float32 one: photos per second from file to vector, and how far their searches agree.
 *
 *   node bench/int8.js [PHOTOS]      300 by default; built code is measured, so `npm run build` comes first
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openEmbedder } from '../dist/embedding/embedder.js';
import { resolveModel } from '../dist/embedding/models.js';
import { cosine } from '../dist/embedding/vector.js';
import { walk } from '../dist/photos/walk.js';
import { loadSettings } from '../dist/settings.js';
import { realWorld } from '../dist/world.js';
import { cameraPhotos } from './camera-photos.js';
import { embedderAlone } from './embedder-alone.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/photos/', import.meta.url));
const K = 6;

async function vectorsOf(world, model, cacheDir, files) {
  const embedder = await openEmbedder(world, model, { cacheDir });
  try {
    return await Promise.all(files.map(async (file) => (await embedder.embed({ file })).photo.vector));
  } finally {
    await embedder.close();
  }
}

/** For every photo, the indexes of the `K` others most like it. */
function neighbours(vectors) {
  return vectors.map((query, self) =>
    vectors
      .map((vector, index) => ({ index, score: index === self ? -1 : cosine(query, vector) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, K)
      .map(({ index }) => index),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const world = realWorld();
  const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
  try {
    const settings = { ...loadSettings(world), paths: { config: home, data: home, cache: home } };
    const folder = await cameraPhotos(Number(process.argv[2] ?? 300));
    const photos = (await readdir(folder)).sort().map((name) => join(folder, name));
    const fixtures = (await walk(FIXTURES)).files.map(({ path }) => join(FIXTURES, path));
    const found = [];
    for (const id of ['resnet50', 'resnet50-int8']) {
      const model = await resolveModel(world, settings, id);
      const { photosPerSecond, stages } = await embedderAlone(photos, world, model, home);
      console.log(`${id.padEnd(14)} ${photosPerSecond.toFixed(1)} photos/s, infer ${stages.infer.toFixed(1)} ms`);
      found.push(neighbours(await vectorsOf(world, model, home, fixtures)));
    }
    const [full, int8] = found;
    const shared = full.map((six, photo) => six.filter((other) => int8[photo].includes(other)).length / K);
    const agreement = shared.reduce((sum, value) => sum + value, 0) / shared.length;
    console.log(`top-${K} agreement over ${fixtures.length} fixtures: ${(100 * agreement).toFixed(1)} %`);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
