/**
 * What an index of many photos costs: filling it, building its index, searching it, and a re-index that finds nothing to do.
 *
 *   node bench/scale.js [ROWS]      200,000 by default; with MILVUS_URI (and MILVUS_TOKEN) on that server, whose index of
 *                                   the bundled model is filled and left there, else on an embedded store of its own
 *
 * The library holds ROWS files of one byte, two hundred to a folder, and as many vectors that lie as photos' do.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { MilvusClient } from '@zilliz/milvus2-sdk-node';
import { photoId } from '../dist/library/paths.js';
import { FACTS_VERSION } from '../dist/photos/facts.js';
import { UNREAD } from '../dist/store/port.js';
import { openLibrary } from './library.js';
import { photoLike } from './photo-like.js';

const CURATE = fileURLToPath(new URL('../bin/curate.js', import.meta.url));
const BATCH = 1000;
const PER_FOLDER = 200;
const SEARCHES = 50;
/** Of those in a part of the photos, how many are compared with exact search. */
const COMPARED = 15;
const K = 6;
/** Photos are taken at random moments of this time, so that a part of it is a part of the photos. */
const TIME = 1e12;

const seconds = (since) => (performance.now() - since) / 1000;

/** A row for a file that is really there. */
async function photoAt(root, number, draw) {
  const path = `${Math.floor(number / PER_FOLDER / 100)}/${Math.floor(number / PER_FOLDER)}/IMG_${number}.jpg`;
  if (number % PER_FOLDER === 0) await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), 'x');
  const { size, mtimeMs } = await stat(join(root, path));
  const place = {
    id: photoId('scale', path),
    library: 'scale',
    path,
    sha256: number.toString(16).padStart(64, '0'),
    size,
  };
  const takenMs = Math.floor(Math.random() * TIME);
  const facts = { ...UNREAD, facts: FACTS_VERSION, takenMs, camera: null, width: 4032, height: 3024, quality: 1 };
  return { ...place, ...facts, mtimeMs: Math.round(mtimeMs), vector: draw() };
}

/** Seconds that the store took for them. */
async function fill(table, root, rows, draw) {
  let took = 0;
  for (let start = 0; start < rows; start += BATCH) {
    const batch = [];
    for (let number = start; number < Math.min(rows, start + BATCH); number += 1)
      batch.push(await photoAt(root, number, draw));
    const began = performance.now();
    await table.upsert(batch);
    took += seconds(began);
  }
  return took;
}

/**
 * Until a server has built the index in the background: of every row, which `onIndexed` is told, and again of what it merged
 * into larger segments meanwhile. False for others, which search without one or at once.
 */
async function waitForIndex(rows, onIndexed) {
  const { MILVUS_URI: address, MILVUS_TOKEN: token } = process.env;
  if (!address) return false;
  const client = new MilvusClient({ address, ...(token ? { token } : {}) });
  const { data } = await client.showCollections();
  let told = false;
  for (const { name } of data.filter(({ name }) => name.includes('photos'))) {
    for (;;) {
      const { index_descriptions } = await client.describeIndex({ collection_name: name, field_name: 'vec' });
      const sum = (key) => index_descriptions.reduce((total, description) => total + Number(description[key]), 0);
      if (!told && sum('indexed_rows') >= rows) {
        told = true;
        onIndexed();
      }
      if (sum('pending_index_rows') === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
  await client.closeConnection();
  return true;
}

/** Milliseconds of searches one after the other. */
async function search(table, draw) {
  const times = [];
  for (let n = 0; n < SEARCHES; n += 1) {
    const vector = draw();
    const began = performance.now();
    await table.search(vector, { k: K });
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(SEARCHES * 0.5)], p95: times[Math.floor(SEARCHES * 0.95)] };
}

/** The share of exact search's answers that are found, in a part of all photos, and milliseconds of an exact search. */
async function recall(table, draw, part) {
  const filter = part === 1 ? undefined : { takenBeforeMs: TIME * part };
  let [found, asked, took] = [0, 0, 0];
  for (let n = 0; n < COMPARED; n += 1) {
    const vector = draw();
    const ids = new Set((await table.search(vector, { k: K, filter })).map(({ id }) => id));
    const began = performance.now();
    const exact = await table.search(vector, { k: K, filter, exact: true });
    took += performance.now() - began;
    asked += exact.length;
    found += exact.filter(({ id }) => ids.has(id)).length;
  }
  return { share: found / asked, exactMs: took / COMPARED };
}

/** One `curate index`: seconds, processor seconds of its own process, and the most memory it had (Linux; megabytes). */
function reindex(home, root) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const code = `import(${JSON.stringify(CURATE)}); process.on('exit', () => {
      const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
      process.stderr.write('\\n' + JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, megabytes: maxRSS / 1000 }));
    });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, CURATE, 'index', root], {
      env: { ...process.env, CURATE_HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text) => {
      said += text;
    });
    child.on('exit', (status) => {
      if (status === 0) resolve({ seconds: seconds(began), ...JSON.parse(said.trim().split('\n').at(-1)) });
      else reject(new Error(said));
    });
  });
}

/** Megabytes of the embedded server; null for another. */
async function serverMemory(home) {
  const state = await readFile(join(home, 'data', 'lite', 'server.json'), 'utf8').then(JSON.parse, () => null);
  const status = state === null ? '' : await readFile(`/proc/${state.pid}/status`, 'utf8').catch(() => '');
  const peak = /^VmHWM:\s+(\d+)/m.exec(status)?.[1];
  return peak === undefined ? null : Number(peak) / 1000;
}

const rows = Number(process.argv[2] ?? 200_000);
const home = await mkdtemp(join(tmpdir(), 'curate-scale-'));
const { root, model, kind, table, reopen, close } = await openLibrary(home, 'scale');
try {
  await mkdir(root, { recursive: true });
  const draw = photoLike(model.dim);
  const filled = await fill(table, root, rows, draw);
  console.log(`${rows.toLocaleString('en')} rows in ${kind}: ${Math.round(rows / filled)} rows/s`);
  const began = performance.now();
  await table.flush();
  await table.search(draw(), { k: K });
  console.log(`flushed and loaded ${seconds(began).toFixed(0)} s later`);
  const after = () => `${seconds(began).toFixed(0)} s after the last row`;
  if (await waitForIndex(rows, () => console.log(`every row is in a graph ${after()}`)))
    console.log(`indexed, with all that was merged, ${after()}`);
  const reader = await reopen();
  const { p50, p95 } = await search(reader, draw);
  console.log(`search, k = ${K}: p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`);
  for (const part of [1, 0.5, 0.2, 0.08]) {
    const { share, exactMs } = await recall(reader, draw, part);
    console.log(`recall@${K} in ${part * 100} % of them: ${share.toFixed(3)}; exact search ${exactMs.toFixed(0)} ms`);
  }
  const memory = await serverMemory(home);
  if (memory !== null) console.log(`most memory of the embedded server: ${memory.toFixed(0)} MB`);
  for (const what of ['listing the store', 'from the manifest']) {
    const { seconds: took, cpu, megabytes } = await reindex(home, root);
    console.log(
      `unchanged re-index, ${what}: ${took.toFixed(1)} s, ${cpu.toFixed(1)} s of processor, ${megabytes.toFixed(0)} MB`,
    );
  }
} finally {
  await close();
}
process.exit();
