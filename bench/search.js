/**
 * What a person waits for: whole `curate search` processes, cold and warm, and an unchanged re-index.
 *
 *   node bench/search.js [ROWS ...]      30,000 by default; built code is measured, so `npm run build` comes first
 *
 * The library holds ROWS files of one byte and as many random vectors; the query is a real photo and is embedded.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { resolveModel } from '../dist/embedding/models.js';
import { openMachine } from '../dist/library/machine.js';
import { photoId } from '../dist/library/paths.js';
import { FACTS_VERSION } from '../dist/photos/facts.js';
import { loadSettings } from '../dist/settings.js';
import { stopLite } from '../dist/store/lite/server.js';
import { openStore } from '../dist/store/open.js';
import { UNREAD } from '../dist/store/port.js';
import { realWorld } from '../dist/world.js';
import { lendStorePython } from './python.js';
import { randomUnit } from './random-unit.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const CURATE = here('../bin/curate.js');
const QUERY = here('../fixtures/queries/cat.jpg');
const RUNS = 7;
const BATCH = 500;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Fills the index of a home with one library of `rows` files that are really there. */
async function fill(world, settings, root, rows) {
  const model = await resolveModel(world, settings);
  const store = await openStore(world, settings, () => undefined);
  const library = { id: 'bench', name: 'bench', root };
  await openMachine(settings).keep(library.id, root);
  await store.putLibrary(library);
  for (let start = 0; start < rows; start += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, rows - start) }, (_, i) => start + i);
    await mkdir(join(root, `folder ${start / BATCH}`), { recursive: true });
    const batch = await Promise.all(
      numbers.map(async (number) => {
        const path = `folder ${start / BATCH}/IMG_${number}.jpg`;
        await writeFile(join(root, path), 'x');
        const { size, mtimeMs } = await stat(join(root, path));
        const facts = {
          ...UNREAD,
          facts: FACTS_VERSION,
          takenMs: null,
          camera: null,
          width: 4032,
          height: 3024,
          quality: 1,
        };
        const sha256 = number.toString(16).padStart(64, '0');
        const place = { id: photoId(library.id, path), library: library.id, path, sha256, size };
        return { ...place, ...facts, mtimeMs: Math.round(mtimeMs), vector: randomUnit(model.dim) };
      }),
    );
    await store.table(model).upsert(batch);
  }
  await store.table(model).flush();
  await store.close();
}

/** Wall time of one `curate ARGS`, milliseconds. */
function run(home, args) {
  return runNode(home, [CURATE, ...args]);
}

function runNode(home, args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, CURATE_HOME: home },
  });
  if (status !== 0) throw new Error(`${args.join(' ')} exited ${status}: ${stderr}`);
  return performance.now() - start;
}

/** Milliseconds, medians of whole processes, for a library of `rows` photos. */
export async function benchSearch(rows = 30_000) {
  const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
  const root = join(home, 'photos');
  await lendStorePython(join(home, 'data'));
  const world = { ...realWorld(), env: { ...process.env, CURATE_HOME: home } };
  const settings = loadSettings(world);
  const stop = () => stopLite(world, settings.paths);
  try {
    await fill(world, settings, root, rows);
    run(home, ['search', QUERY]);
    const times = (args, before = async () => undefined, runs = run) =>
      (async () => {
        const measured = [];
        for (let n = 0; n < RUNS; n += 1) {
          await before();
          measured.push(runs(home, args));
        }
        return median(measured);
      })();
    return {
      rows,
      emptyNode: await times(['-e', '0'], undefined, runNode),
      help: await times(['--help']),
      searchWarm: await times(['search', QUERY]),
      reindexWarm: await times(['index', root]),
      searchCold: await times(['search', QUERY], stop),
    };
  } finally {
    await stop();
    await rm(home, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = process.argv.slice(2).map(Number);
  for (const rows of sizes.length === 0 ? [30_000] : sizes) {
    const { rows: n, ...figures } = await benchSearch(rows);
    const shown = Object.entries(figures).map(([name, ms]) => `${name} ${Math.round(ms)} ms`);
    console.log(`${n.toLocaleString('en')} photos: ${shown.join(', ')}`);
  }
  process.exit();
}
