/**
 * Photos per second from file to vector, and where the time goes, beside two pipelines in Python.
 *
 *   node bench/pipeline.js [PHOTOS]      300 by default; built code is measured, so `npm run build` comes first
 *
 * Everything runs on the same photos, which stay in the page cache. The Python pipelines run in an environment of
 * their own under node_modules/.cache.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openSession } from '../dist/embedding/inference.js';
import { resolveModel } from '../dist/embedding/models.js';
import { decodePhoto } from '../dist/photos/decode.js';
import { walk } from '../dist/photos/walk.js';
import { loadSettings } from '../dist/settings.js';
import { stopLite } from '../dist/store/lite/server.js';
import { openStore } from '../dist/store/open.js';
import { UNREAD } from '../dist/store/port.js';
import { realWorld } from '../dist/world.js';
import { cameraPhotos } from './camera-photos.js';
import { embedderAlone } from './embedder-alone.js';
import { benchPython, lendStorePython } from './python.js';
import { randomUnit } from './random-unit.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Enough for a steady mean. */
const BOUND_PHOTOS = 40;
/** About what an index run gathers in two seconds, after which it writes. */
const UPSERT_ROWS = 60;

/** CPU time of this process for each turn of `work`, milliseconds; the mean, after a first turn to warm up. */
async function cpuOf(turns, work) {
  await work(0);
  const before = process.cpuUsage();
  for (let turn = 0; turn < turns; turn++) await work(turn);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / turns;
}

/** What no pipeline can do without: decoding at the reduced size, and one run of the model. */
async function bound(files, model, cacheDir) {
  const { default: sharp } = await import('sharp');
  sharp.concurrency(1);
  sharp.cache(false);
  const photos = await Promise.all(files.slice(0, BOUND_PHOTOS).map((file) => readFile(file)));
  const reduceFor = model.input.resizeShortSide;
  const decodeMs = await cpuOf(photos.length, (turn) => decodePhoto(photos[turn], { reduceFor }));
  const infer = await openSession(model, cacheDir);
  const pixels = Float32Array.from({ length: 3 * model.input.size ** 2 }, () => Math.random() * 200 - 100);
  const inferMs = await cpuOf(photos.length, () => infer(pixels));
  return { decodeMs, inferMs };
}

/** What stands around the embedder, by itself, milliseconds per photo: listing the folder, and writing rows. */
async function walkAndUpsert(world, settings, folder, model) {
  const walkStarted = performance.now();
  const { files } = await walk(folder);
  const walkMs = (performance.now() - walkStarted) / files.length;
  const store = await openStore(world, settings, () => undefined);
  const table = store.table(model);
  const rows = files.map(({ path, size, mtimeMs }) => {
    const facts = { ...UNREAD, takenMs: null, camera: null, width: 4000, height: 3000, quality: 1 };
    const vector = randomUnit(model.dim);
    return { id: path, library: 'bench', path, sha256: path, size, mtimeMs, ...facts, vector };
  });
  try {
    // The first write makes the collection.
    await table.upsert(rows.slice(0, 1));
    const started = performance.now();
    for (let start = 0; start < rows.length; start += UPSERT_ROWS) {
      await table.upsert(rows.slice(start, start + UPSERT_ROWS));
    }
    return { walkMs, upsertMs: (performance.now() - started) / rows.length };
  } finally {
    await store.close();
    await stopLite(world, settings.paths);
  }
}

/**
 * `curate index` from the shell: start, walk, embed, upsert, flush, end. The store's Python environment and the model's
 * optimised copy, which a machine makes once, are there already; the index is not.
 */
async function wholeIndex(folder, models) {
  const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
  try {
    await lendStorePython(join(home, 'data'));
    await mkdir(join(home, 'cache'));
    await symlink(models, join(home, 'cache', 'models'));
    const env = { ...process.env, CURATE_HOME: home };
    const curate = (...args) => execFileSync(process.execPath, [here('../bin/curate.js'), ...args], { env });
    try {
      const started = performance.now();
      const report = JSON.parse(curate('index', folder, '--json'));
      const seconds = (performance.now() - started) / 1000;
      return { photosPerSecond: report.libraries[0].added / seconds, seconds };
    } finally {
      curate('stop');
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Photos per second of the whole process, and of its loop alone: without imports, opening the model and the store. */
async function python(way, folder, count, model) {
  const interpreter = await benchPython();
  const args = [here('pipeline.py'), way, folder, String(count), model.file, here('../models/catalogue.json')];
  const started = performance.now();
  const output = execFileSync(interpreter, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { photosPerSecond: loop } = JSON.parse(output.trim().split('\n').at(-1));
  return { whole: count / ((performance.now() - started) / 1000), loop };
}

/** Figures of the pipeline on `count` photos of 12 megapixels. */
export async function benchPipeline(count = 300) {
  const world = realWorld();
  const folder = await cameraPhotos(count);
  const files = (await readdir(folder)).sort().map((name) => join(folder, name));
  // Into the page cache: it is the pipeline that is measured, not the disk.
  for (const file of files) await readFile(file);
  const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
  try {
    const paths = { config: home, data: home, cache: home };
    const settings = { ...loadSettings(world), milvusUri: undefined, paths };
    const model = await resolveModel(world, settings);
    await lendStorePython(home);
    const around = await walkAndUpsert(world, settings, folder, model);
    const embedder = await embedderAlone(files, world, model, home);
    const { decodeMs, inferMs } = await bound(files, model, home);
    const boundPerSecond = (1000 * world.cores) / (decodeMs + inferMs);
    const index = await wholeIndex(folder, home);
    const serial = await python('serial', folder, count, model);
    const batched = await python('batched', folder, count, model);
    const { cores } = world;
    return { cores, photos: count, decodeMs, inferMs, boundPerSecond, around, embedder, index, serial, batched };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { around, embedder, index, ...figures } = await benchPipeline(Number(process.argv[2] ?? 300));
  const rows = [
    ['photos of 12 megapixels', figures.photos],
    ['cores', figures.cores],
    ['decode, CPU-ms', figures.decodeMs],
    ['infer, CPU-ms', figures.inferMs],
    ['bound, photos/s', figures.boundPerSecond],
    ['embedder alone, photos/s', embedder.photosPerSecond],
    ['  of the bound, %', (100 * embedder.photosPerSecond) / figures.boundPerSecond],
    ['  CPU use, %', embedder.cpuPercent],
    ['  CPU-ms per photo', embedder.cpuMsPerPhoto],
    ...Object.entries(embedder.stages).map(([stage, ms]) => [`  ${stage}, ms`, ms]),
    ['  peak memory, MB', embedder.peakMegabytes],
    ['walk, ms a photo', around.walkMs],
    ['upsert, ms a photo', around.upsertMs],
    ['curate index, photos/s', index.photosPerSecond],
    ['  seconds in all', index.seconds],
    ['(a) serial Python, photos/s', figures.serial.whole],
    ['  its loop alone', figures.serial.loop],
    ['(b) batched Python, photos/s', figures.batched.whole],
    ['  its loop alone', figures.batched.loop],
    ['curate index / (a)', index.photosPerSecond / figures.serial.whole],
    ['curate index / (b)', index.photosPerSecond / figures.batched.whole],
    ['embedder alone / loop of (a)', embedder.photosPerSecond / figures.serial.loop],
    ['embedder alone / loop of (b)', embedder.photosPerSecond / figures.batched.loop],
  ];
  for (const [name, value] of rows) console.log(name.padEnd(30), Number.isInteger(value) ? value : value.toFixed(2));
}
