/**
 * Orders of search results and casting, on photographs in folders by subject: how many of the first six, and of the
 * references, show the query's own subject.
 *
 *   node bench/ranking.js [--model ID] DIR...     sub-folders of each DIR are its subjects; build first
 *
 * Vectors are kept beside each DIR, as DIR.MODEL.json, and used again while the photos are the same.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cast } from '../dist/casting/cast.js';
import { openEmbedder } from '../dist/embedding/embedder.js';
import { resolveModel } from '../dist/embedding/models.js';
import { cosine, rootCosine } from '../dist/embedding/vector.js';
import { NEIGHBOURHOOD, rerank } from '../dist/library/ranking/rerank.js';
import { statisticsOf } from '../dist/library/ranking/statistics.js';
import { walk } from '../dist/photos/walk.js';
import { loadSettings } from '../dist/settings.js';
import { realWorld } from '../dist/world.js';

const FIRST = 6;
const SLOTS = 5;

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

/** One line of the table: precision of an order, or the share and the number of the references of a casting. */
function measure(photos, model, statistics) {
  const { thresholds, ranking } = model;
  const precision = { cosine: [], 'rerank, features as they are': [], rerank: [] };
  const floors = {
    'no floor, cosine': { by: 'cosine', least: -1, order: 'cosine' },
    [`cosine of ${thresholds.similar}`]: { by: 'cosine', least: thresholds.similar, order: 'cosine' },
    'no floor, agreement': { by: 'agreement', least: -1, order: 'rerank' },
    ...(ranking
      ? { [`agreement of ${ranking.alike}`]: { by: 'agreement', least: ranking.alike, order: 'rerank' } }
      : {}),
  };
  const casts = Object.fromEntries(Object.keys(floors).map((name) => [name, []]));
  for (const query of photos) {
    const hits = photos
      .filter((photo) => photo !== query)
      .map((photo) => ({ ...photo, score: cosine(query.vector, photo.vector) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, NEIGHBOURHOOD);
    const isCopy = ({ vector }) => rootCosine(query.vector, vector) >= thresholds.nearDuplicate;
    const reranked = rerank(query.vector, hits, statistics, isCopy);
    const orders = {
      cosine: hits.map((hit) => ({ ...hit, agreement: null })),
      'rerank, features as they are': rerank(query.vector, hits, null, isCopy),
      rerank: reranked,
    };
    for (const [name, order] of Object.entries(orders)) precision[name].push(shareOf(order.slice(0, FIRST), query));
    for (const [name, { order, ...floor }] of Object.entries(floors)) {
      const request = { query, fixed: [query], seeds: [], slots: SLOTS, floor, keepBursts: false, thresholds };
      const { verdicts } = cast({ ...request, candidates: orders[order] });
      const used = verdicts.filter((verdict) => verdict.used).map(({ candidate }) => candidate);
      casts[name].push({ own: used.filter(({ subject }) => subject === query.subject).length, used: used.length });
    }
  }
  for (const [name, values] of Object.entries(precision)) {
    console.log(`  precision@${FIRST} ${name.padEnd(32)} ${(100 * mean(values)).toFixed(1)}`);
  }
  for (const [name, values] of Object.entries(casts)) {
    const used = mean(values.map((value) => value.used));
    const own = mean(values.map((value) => value.own)) / used;
    console.log(
      `  casting     ${name.padEnd(32)} ${(100 * own).toFixed(1)} % of the subject, ${used.toFixed(2)} references`,
    );
  }
}

const { values, positionals } = parseArgs({ options: { model: { type: 'string' } }, allowPositionals: true });
if (positionals.length === 0) {
  console.log('Name folders whose sub-folders are subjects: npm run bench -- ranking DIR...');
} else {
  const world = realWorld();
  const settings = loadSettings(world);
  const model = await resolveModel(world, settings, values.model);
  const statistics = await statisticsOf(model);
  for (const dir of positionals.map((name) => resolve(name))) {
    const photos = await photosOf(world, settings, model, dir);
    const subjects = new Set(photos.map(({ subject }) => subject)).size;
    console.log(`${basename(dir)}, ${model.id}: ${photos.length} photos of ${subjects} subjects`);
    measure(photos, model, statistics);
  }
}
