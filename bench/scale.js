/**
 * What an index of many photos costs: filling it, building its index, searching it, and a re-index that finds nothing to do.
 *
 *   node bench/scale.js [ROWS]      200,000 by default; with MILVUS_URI (and MILVUS_TOKEN) on that server, whose index of
 *                                   the bundled model is filled and left there, else on an embedded store of its own
 *
 * The library holds ROWS files of one byte, two hundred to a folder, and as many random vectors: the hardest case for a
 * graph index, as nothing is near to anything.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { photoId } from '../dist/library/paths.js';
import { FACTS_VERSION } from '../dist/photos/facts.js';
import { UNREAD } from '../dist/store/port.js';
import { openLibrary } from './library.js';
import { randomUnit } from './random-unit.js';

const CURATE = fileURLToPath(new URL('../bin/curate.js', import.meta.url));
const BATCH = 1000;
const PER_FOLDER = 200;
const SEARCHES = 50;
const K = 6;

const seconds = (since) => (performance.now() - since) / 1000;

/** A row for a file that is really there. */
async function photoAt(root, number, dim) {
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
  const facts = { ...UNREAD, facts: FACTS_VERSION, takenMs: null, camera: null, width: 4032, height: 3024, quality: 1 };
  return { ...place, ...facts, mtimeMs: Math.round(mtimeMs), vector: randomUnit(dim) };
}

async function fill(table, root, rows, dim) {
  for (let start = 0; start < rows; start += BATCH) {
    const batch = [];
    for (let number = start; number < Math.min(rows, start + BATCH); number += 1)
      batch.push(await photoAt(root, number, dim));
    await table.upsert(batch);
  }
}

/** Milliseconds of searches one after the other, and the share of the exact answers that they found. */
async function search(table, dim) {
  const times = [];
  let [found, asked] = [0, 0];
  for (let n = 0; n < SEARCHES; n += 1) {
    const vector = randomUnit(dim);
    const began = performance.now();
    const hits = await table.search(vector, { k: K });
    times.push(performance.now() - began);
    if (n >= 5) continue;
    const ids = new Set(hits.map(({ id }) => id));
    const exact = await table.search(vector, { k: K, exact: true });
    asked += exact.length;
    found += exact.filter(({ id }) => ids.has(id)).length;
  }
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(SEARCHES * 0.5)], p95: times[Math.floor(SEARCHES * 0.95)], recall: found / asked };
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
const { root, model, kind, table, close } = await openLibrary(home, 'scale');
try {
  await mkdir(root, { recursive: true });
  const began = performance.now();
  await fill(table, root, rows, model.dim);
  const filled = seconds(began);
  await table.flush();
  await table.search(randomUnit(model.dim), { k: K });
  console.log(`${rows.toLocaleString('en')} rows in ${kind}: ${Math.round(rows / filled)} rows/s`);
  console.log(`flushed, indexed and loaded ${Math.round(seconds(began) - filled)} s later`);
  const { p50, p95, recall } = await search(table, model.dim);
  console.log(`search, k = ${K}: p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, recall@${K} ${recall.toFixed(3)}`);
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
