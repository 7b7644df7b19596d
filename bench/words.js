/**
 * Search by word: how well words find the fixtures, or photos of your own, and what it costs.
 *
 *   node bench/words.js [FOLDER LABELS.tsv]
 *
 * LABELS.tsv has a line for each word: the word, then the photos below FOLDER that show it, with tabs between. Built
 * code is measured, so `npm run build` comes first.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openEmbedder } from '../dist/embedding/embedder.js';
import { resolveModel } from '../dist/embedding/models.js';
import { cosine } from '../dist/embedding/vector.js';
import { directionsOf } from '../dist/library/words/directions.js';
import { parseWord } from '../dist/library/words/parse.js';
import { rankByTerms } from '../dist/library/words/rank.js';
import { loadWords } from '../dist/library/words/vocabulary.js';
import { walk } from '../dist/photos/walk.js';
import { loadSettings } from '../dist/settings.js';
import { realWorld } from '../dist/world.js';
import { randomUnit } from './random-unit.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const K = 6;
const BINS = [0.02, 0.1, 0.3, 0.5, 0.9, 1.01];

async function rowsOf(world, model, cacheDir, folder) {
  const embedder = await openEmbedder(world, model, { cacheDir });
  try {
    const paths = (await walk(folder)).files.map(({ path }) => path);
    const results = await Promise.all(paths.map((path) => embedder.embed({ file: join(folder, path) })));
    return results.map(({ photo }, i) => ({ path: paths[i].normalize('NFC'), vector: photo.vector }));
  } finally {
    await embedder.close();
  }
}

async function readLabels(file) {
  const lines = (await readFile(file, 'utf8')).normalize('NFC').split('\n');
  const labels = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('\t'));
  return labels.map(([word, ...photos]) => ({ word, photos: new Set(photos) }));
}

/** Precision among as many as there are to find, at most K, and average precision. */
function precision(ranked, photos) {
  const hits = ranked.map(({ path }) => photos.has(path));
  const at = Math.min(K, photos.size);
  const average = hits.reduce(
    (sum, hit, i) => sum + (hit ? hits.slice(0, i + 1).filter(Boolean).length / (i + 1) : 0),
    0,
  );
  return { first: hits.slice(0, at).filter(Boolean).length / at, average: average / photos.size };
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const percent = (values) => `${(100 * mean(values)).toFixed(1)} %`;

function measure(rows, labels, words, similar) {
  const byShare = [];
  const byDirection = [];
  const bins = BINS.map(() => ({ right: 0, all: 0 }));
  for (const { word, photos } of labels) {
    const parsed = parseWord(word, words.vocabulary);
    if (parsed.kind === 'unknown') throw new Error(`${word} is unknown`);
    const { classes } = parsed;
    const terms = [{ kind: 'word', classes, weight: 1 }];
    const ranked = rankByTerms(rows, terms, { classifier: words.classifier, similar });
    const result = precision(
      ranked.map(({ row }) => row),
      photos,
    );
    byShare.push(result);
    const [direction] = directionsOf(classes, words.classifier, 1);
    byDirection.push(
      precision(
        [...rows].sort((a, b) => cosine(b.vector, direction) - cosine(a.vector, direction)),
        photos,
      ),
    );
    for (const { row, score } of ranked) {
      const bin = bins[BINS.findIndex((end) => score < end)];
      bin.all += 1;
      if (photos.has(row.path)) bin.right += 1;
    }
    console.log(`  ${word.padEnd(20)} ${String(photos.size).padStart(3)} photos  ${result.first.toFixed(2)}`);
  }
  for (const [name, found] of [
    ['share', byShare],
    ['one direction', byDirection],
  ]) {
    const first = percent(found.map((one) => one.first));
    const average = percent(found.map((one) => one.average));
    console.log(`  by ${name}: precision@min(${K}, photos) ${first}, mean average precision ${average}`);
  }
  const shown = bins.map(({ right, all }, i) => `< ${BINS[i]}: ${right} of ${all}`);
  console.log(`  right by share: ${shown.join(', ')}`);
}

function cost(words) {
  const vectors = Array.from({ length: 1000 }, () => randomUnit(words.classifier.dim));
  words.classifier.probabilities(vectors.slice(0, 100));
  const times = Array.from({ length: 7 }, () => {
    const start = process.cpuUsage();
    words.classifier.probabilities(vectors);
    return process.cpuUsage(start).user / 1000;
  }).sort((a, b) => a - b);
  console.log(`1,000 vectors against 1,000 classes: ${times[3].toFixed(0)} CPU-ms`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = join(FIXTURES, 'photos'), labelled = join(FIXTURES, 'words.tsv')] = process.argv.slice(2);
  const world = realWorld();
  const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
  try {
    const settings = { ...loadSettings(world), paths: { config: home, data: home, cache: home } };
    const labels = await readLabels(labelled);
    for (const id of ['resnet50', 'resnet50-int8']) {
      const model = await resolveModel(world, settings, id);
      const start = process.cpuUsage();
      const words = await loadWords(model);
      parseWord('mice', words.vocabulary);
      const { user, system } = process.cpuUsage(start);
      console.log(`${id}: words loaded and one parsed in ${((user + system) / 1000).toFixed(0)} CPU-ms`);
      const rows = await rowsOf(world, model, home, folder);
      measure(rows, labels, words, model.thresholds.similar);
      cost(words);
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
