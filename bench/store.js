/**
 * What the embedded store costs: filling, opening, searching, listing.
 *
 *   node bench/store.js [ROWS]      30,000 by default; built code is measured, so `npm run build` comes first
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { loadSettings } from '../dist/settings.js';
import { readState } from '../dist/store/lite/connect.js';
import { liteFolders } from '../dist/store/lite/folders.js';
import { stopLite } from '../dist/store/lite/server.js';
import { openStore } from '../dist/store/open.js';
import { realWorld } from '../dist/world.js';
import { lendStorePython } from './python.js';
import { randomUnit } from './random-unit.js';

const DIM = 2048;
/** About what an index run gathers before it writes. */
const BATCH = 64;
const model = { id: 'bench', sha256: randomBytes(32).toString('hex'), dim: DIM };

function randomRow(number) {
  return {
    id: randomBytes(32).toString('hex'),
    library: 'bench',
    path: `20${10 + (number % 15)}/trip ${number % 200}/IMG_${number}.jpg`,
    sha256: randomBytes(32).toString('hex'),
    size: 3_600_000 + number,
    mtimeMs: 1_700_000_000_000 + number,
    takenMs: 1_600_000_000_000 + number * 60_000,
    takenOffsetMinutes: 120,
    takenFrom: 'original',
    facts: 1,
    camera: 'Canon EOS 5D',
    width: 4032,
    height: 3024,
    quality: Math.random(),
    vector: randomUnit(DIM),
  };
}

async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Fills a store of its own with `rows` random vectors and measures it; milliseconds unless the name says otherwise. */
export async function benchStore(rows = 30_000) {
  const world = realWorld();
  const data = await mkdtemp(join(tmpdir(), 'curate-bench-'));
  await lendStorePython(data);
  const settings = { ...loadSettings(world), milvusUri: undefined, paths: { config: data, data, cache: data } };
  const open = () => openStore(world, settings, () => undefined);
  const peakMegabytes = async () => {
    const { pid } = await readState(liteFolders(data).state);
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
  };
  const figures = { rows };
  try {
    let store = await open();
    const client = process.cpuUsage();
    let slowest = 0;
    const filling = await timed(async () => {
      for (let start = 0; start < rows; start += BATCH) {
        const batch = Array.from({ length: Math.min(BATCH, rows - start) }, (_, index) => randomRow(start + index));
        slowest = Math.max(slowest, (await timed(() => store.table(model).upsert(batch))).ms);
      }
    });
    figures.upsertRowsPerSecond = rows / (filling.ms / 1000);
    figures.upsertClientCpuMsPerRow = process.cpuUsage(client).user / 1000 / rows;
    figures.slowestBatch = slowest;
    figures.flush = (await timed(() => store.table(model).flush())).ms;
    figures.fillPeakMegabytes = await peakMegabytes();
    await store.close();

    await stopLite(world, { data });
    const cold = await timed(async () => {
      store = await open();
      return store.table(model).search(randomUnit(DIM), { k: 6 });
    });
    figures.coldOpenToFirstHit = cold.ms;
    const searches = [];
    for (let run = 0; run < 20; run += 1)
      searches.push((await timed(() => store.table(model).search(randomUnit(DIM), { k: 6 }))).ms);
    figures.search = median(searches);
    const filter = { within: [{ library: 'bench', folder: '2014' }] };
    figures.searchInFolder = (await timed(() => store.table(model).search(randomUnit(DIM), { k: 6, filter }))).ms;
    const nearest = async (options) => {
      const times = [];
      for (let run = 0; run < 20; run += 1) {
        times.push((await timed(() => store.table(model).search(randomUnit(DIM), { k: 100, ...options }))).ms);
      }
      return median(times);
    };
    figures.search100 = await nearest({});
    figures.search100WithVectors = await nearest({ vectors: true });
    figures.search1000 = (await timed(() => store.table(model).search(randomUnit(DIM), { k: 1000 }))).ms;
    const ids = [];
    figures.list = (
      await timed(async () => {
        for await (const { id } of store.table(model).photos('bench')) ids.push(id);
      })
    ).ms;
    if (ids.length !== rows) throw new Error(`${ids.length} rows of ${rows} were listed`);
    figures.readAllVectors = (
      await timed(async () => {
        for await (const _ of store.table(model).all({ vectors: true }));
      })
    ).ms;
    figures.count = (await timed(() => store.table(model).count())).ms;
    figures.countOfLibrary = (await timed(() => store.table(model).count('bench'))).ms;
    figures.read100Rows = (await timed(() => store.table(model).rows(ids.slice(0, 100)))).ms;
    figures.readPeakMegabytes = await peakMegabytes();
    figures.close = (await timed(() => store.close())).ms;
    const warm = await timed(async () => {
      store = await open();
      return store.table(model).search(randomUnit(DIM), { k: 6 });
    });
    figures.warmOpenToFirstHit = warm.ms;
    await store.close();
  } finally {
    await stopLite(world, { data });
    await rm(data, { recursive: true, force: true });
  }
  return figures;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const figures = await benchStore(Number(process.argv[2] ?? 30_000));
  for (const [name, value] of Object.entries(figures)) {
    console.log(name.padEnd(26), value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en'));
  }
  process.exit();
}
