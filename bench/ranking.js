/**
 * Orders of search results and casting, on photographs in folders by subject: how many of the first six, and of the
 * references, show the query's own subject, and whether tiny copies find their own photo first.
 *
 *   node bench/ranking.js [--model ID] DIR...     sub-folders of each DIR are its subjects; build first
 *
 * Vectors are kept beside each DIR, as DIR.MODEL.json, and used again while the photos are the same.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { cast } from '../dist/casting/cast.js';
import { openEmbedder } from '../dist/embedding/embedder.js';
import { resolveModel } from '../dist/embedding/models.js';
import { cosine, rootCosine } from '../dist/embedding/vector.js';
import { rankerOf } from '../dist/library/ranking/ranker.js';
import { NEIGHBOURHOOD, rerank } from '../dist/library/ranking/rerank.js';
import { walk } from '../dist/photos/walk.js';
import { loadSettings } from '../dist/settings.js';
import { realWorld } from '../dist/world.js';

const FIRST = 6;
const SLOTS = 5;
const FLOORS = { cosine: [-1, 0.58, 0.62, 0.66], agreement: [-1, 0.6, 0.65, 0.7, 0.75, 0.8] };
/** Longest sides of the copies, and how many photos are copied. */
const SIDES = [100, 75];
const COPIED = 120;

/** Every photo below `dir` with its vector and the sub-folder it lies in. */
async function photosOf(world, settings, model, dir) {
  const paths = (await walk(dir)).files.map(({ path }) => path).sort();
  const cache = `${dir}.${model.id}.json`;
  const kept = await readFile(cache, 'utf8').then(JSON.parse, () => ({ paths: [], vectors: [] }));
  if (JSON.stringify(kept.paths) !== JSON.stringify(paths)) {
    const embedder = await openEmbedder(world, model, { cacheDir: settings.paths.cache });
    const results = await Promise.all(paths.map((path) => embedder.embed({ file: join(dir, path) })));
    await embedder.close();
    kept.paths = paths;
    kept.vectors = results.map((result) => (result.kind === 'embedded' ? Array.from(result.photo.vector) : null));
    await writeFile(cache, JSON.stringify(kept));
  }
  return paths.flatMap((path, i) => {
    if (kept.vectors[i] === null) return [];
    const file = join(dir, path);
    const vector = Float32Array.from(kept.vectors[i]);
    return [{ file, sha256: path, vector, subject: dirname(path), takenMs: null, quality: 1, width: 1, height: 1 }];
  });
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shareOf(photos, query) {
  return mean(photos.map(({ subject }) => (subject === query.subject ? 1 : 0)));
}

/** The hundred nearest by cosine, best first. */
function nearestTo(vector, photos) {
  return photos
    .map((photo) => ({ ...photo, score: cosine(vector, photo.vector) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, NEIGHBOURHOOD);
}

function reranked(query, hits, statistics, isCopy) {
  const ranked = rerank(query, hits, statistics, (some) => some.map(isCopy));
  return ranked.map(({ hit, agreement }) => ({ ...hit, agreement }));
}

/** Precision of the orders, and the share and the number of the references of each floor. */
function measure(photos, { thresholds }, { statistics, nearDuplicate }) {
  const precision = { cosine: [], 'rerank, features as they are': [], rerank: [] };
  const floors = Object.entries(FLOORS).flatMap(([by, leasts]) => leasts.map((least) => ({ by, least, casts: [] })));
  for (const query of photos) {
    const hits = nearestTo(
      query.vector,
      photos.filter((photo) => photo !== query),
    );
    const isCopy = ({ vector }) => rootCosine(query.vector, vector) >= nearDuplicate;
    const orders = {
      cosine: hits.map((hit) => ({ ...hit, agreement: null })),
      'rerank, features as they are': reranked(query.vector, hits, null, isCopy),
      rerank: reranked(query.vector, hits, statistics, isCopy),
    };
    for (const [name, order] of Object.entries(orders)) precision[name].push(shareOf(order.slice(0, FIRST), query));
    for (const { by, least, casts } of floors) {
      const candidates = by === 'cosine' ? orders.cosine : orders.rerank;
      const given = { query, fixed: [query], seeds: [], slots: SLOTS, keepBursts: false, thresholds };
      const { verdicts } = cast({ ...given, candidates, floor: { by, least } });
      const used = verdicts.filter((verdict) => verdict.used).map(({ candidate }) => candidate);
      casts.push({ own: used.filter(({ subject }) => subject === query.subject).length, used: used.length });
    }
  }
  for (const [name, shares] of Object.entries(precision)) {
    console.log(`  precision@${FIRST} ${name.padEnd(32)} ${(100 * mean(shares)).toFixed(1)}`);
  }
  for (const { by, least, casts } of floors) {
    const used = mean(casts.map((references) => references.used));
    const own = (100 * mean(casts.map((references) => references.own))) / used;
    const name = least === -1 ? `${by}, no floor` : `${by} of ${least}`;
    console.log(`  casting     ${name.padEnd(32)} ${own.toFixed(1)} % of the subject, ${used.toFixed(2)} references`);
  }
}

/** How often copies of `side` pixels have their photo, or nearly the same one, first. */
async function measureCopies(photos, { thresholds }, { statistics, nearDuplicate }, embedder, side) {
  const folder = await mkdtemp(join(tmpdir(), 'curate-bench-'));
  const first = { cosine: 0, rerank: 0 };
  const step = Math.max(1, Math.floor(photos.length / COPIED));
  const chosen = photos.filter((_, i) => i % step === 0);
  for (const [i, photo] of chosen.entries()) {
    const file = join(folder, `${i}.jpg`);
    await sharp(photo.file).rotate().resize(side, side, { fit: 'inside' }).jpeg({ quality: 80 }).toFile(file);
    const { photo: copy } = await embedder.embed({ file });
    const hits = nearestTo(copy.vector, photos);
    const isNear = ({ vector }) => rootCosine(copy.vector, vector) >= nearDuplicate;
    const orders = { cosine: hits, rerank: reranked(copy.vector, hits, statistics, isNear) };
    for (const [name, [best]] of Object.entries(orders)) {
      if (rootCosine(best.vector, photo.vector) >= thresholds.nearDuplicate) first[name] += 1;
    }
  }
  await rm(folder, { recursive: true });
  for (const [name, found] of Object.entries(first)) {
    const share = ((100 * found) / chosen.length).toFixed(1);
    console.log(`  recall@1    ${`copies of ${side} pixels, ${name}`.padEnd(32)} ${share} % of ${chosen.length}`);
  }
}

const { values, positionals } = parseArgs({ options: { model: { type: 'string' } }, allowPositionals: true });
if (positionals.length === 0) {
  console.log('Name folders whose sub-folders are subjects: npm run bench -- ranking DIR...');
} else {
  const world = realWorld();
  const settings = loadSettings(world);
  const model = await resolveModel(world, settings, values.model);
  const ranker = await rankerOf(model);
  for (const dir of positionals.map((name) => resolve(name))) {
    const photos = await photosOf(world, settings, model, dir);
    const subjects = new Set(photos.map(({ subject }) => subject)).size;
    console.log(`${basename(dir)}, ${model.id}: ${photos.length} photos of ${subjects} subjects`);
    measure(photos, model, ranker);
    const embedder = await openEmbedder(world, model, { cacheDir: settings.paths.cache });
    for (const side of SIDES) await measureCopies(photos, model, ranker, embedder, side);
    await embedder.close();
  }
}
