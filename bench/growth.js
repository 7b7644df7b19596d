/**
 * How the memory and the processor time of curate's own process grow with the number of photos: a first index, a
 * re-index that finds nothing to do, and one of ten new photos.
 *
 *   node bench/growth.js [PHOTOS ...]      50,000 and 200,000 by default
 *
 * What stands around the run is left out: photos are not embedded but given a unit vector, each as if it had content of
 * its own, and the store keeps the libraries and no rows. Each run is a process of its own. A first index empties the
 * store and the notes on this machine; the others find what it left.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { indexPhotos } from '../dist/library/index/index-photos.js';
import { openMachine } from '../dist/library/machine.js';
import { FACTS_VERSION } from '../dist/photos/facts.js';
import { UNREAD } from '../dist/store/port.js';

const SCRIPT = fileURLToPath(import.meta.url);
const PER_FOLDER = 200;
const NEW_PHOTOS = 10;
const MODEL = { id: 'growth', sha256: 'e'.repeat(64), dim: 2048 };
const SAMPLE_MS = 50;

/** Libraries in a file, so that the next process finds them; of rows only how many were asked for, and written. */
function forgetfulStore(file) {
  const counts = { listings: 0, written: 0 };
  let libraries = [];
  try {
    libraries = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // The first run of all.
  }
  const keep = (changed) => {
    libraries = changed;
    writeFileSync(file, JSON.stringify(libraries));
  };
  const table = {
    upgrade: async () => undefined,
    photos: () => {
      counts.listings += 1;
      return Readable.from([]);
    },
    rows: async () => [],
    upsert: async (rows) => {
      counts.written += rows.length;
    },
    remove: async () => undefined,
    count: async () => 0,
    flush: async () => undefined,
  };
  const store = {
    kind: 'lite',
    identity: async () => null,
    libraries: async () => libraries,
    putLibrary: async (library) => keep([...libraries.filter(({ id }) => id !== library.id), library]),
    removeLibrary: async (id) => keep(libraries.filter((library) => library.id !== id)),
    models: async () => [],
    table: () => table,
  };
  return { store, table, counts };
}

/** Content is what the path says, so that hard links pass for photos that differ. */
const quickEmbedder = {
  capacity: 8,
  embed: async ({ file, isKnown = () => false }) => {
    const { size, mtimeMs } = await stat(file);
    const sha256 = createHash('sha256').update(file).digest('hex');
    if (await isKnown(sha256)) return { kind: 'known', sha256, size, mtimeMs: Math.round(mtimeMs) };
    const vector = new Float32Array(MODEL.dim);
    vector[Math.floor(Math.random() * MODEL.dim)] = 1;
    const facts = { ...UNREAD, facts: FACTS_VERSION, takenMs: null, camera: null, width: 8, height: 8, quality: 1 };
    return { kind: 'embedded', photo: { sha256, size, mtimeMs: Math.round(mtimeMs), ...facts, vector } };
  },
  close: async () => undefined,
};

/** Of this process, in MB, as Linux counts; elsewhere 0. */
function statusOf(field) {
  try {
    return (
      Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1000
    );
  } catch {
    return 0;
  }
}

/** One run, in this process; prints what it came to. */
async function runHere(home, root) {
  const paths = { config: home, data: join(home, 'data'), cache: join(home, 'cache') };
  const { store, table, counts } = forgetfulStore(join(home, 'libraries.json'));
  let [heap, own] = [0, 0];
  const sampling = setInterval(() => {
    heap = Math.max(heap, process.memoryUsage().heapUsed);
    own = Math.max(own, statusOf('RssAnon'));
  }, SAMPLE_MS);
  const { libraries } = await indexPhotos(
    {
      store,
      table,
      openEmbedder: async () => quickEmbedder,
      onEvent: () => undefined,
      interrupted: new AbortController().signal,
      elapsed: () => performance.now(),
      now: () => Date.now(),
      model: { name: MODEL.id, sha256: MODEL.sha256 },
      machine: openMachine({ paths }),
      holder: 'bench',
      manifests: join(home, 'data', 'manifests', 'growth'),
      sightings: join(home, 'data', 'manifests', 'growth-files'),
      confirmPrune: async () => false,
    },
    { roots: [root], ignore: [] },
  );
  clearInterval(sampling);
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const [{ photos, added, unchanged }] = libraries;
  const processor = (userCPUTime + systemCPUTime) / 1e6;
  return { photos, added, unchanged, ...counts, heap: heap / 1e6, own, resident: statusOf('VmHWM'), processor };
}

function makePhotos(root, count) {
  for (let number = 0; number < count; number += PER_FOLDER) {
    const folder = join(root, String(Math.floor(number / PER_FOLDER / 100)), String(number / PER_FOLDER));
    mkdirSync(folder, { recursive: true });
    const first = join(folder, `IMG_${number}.jpg`);
    writeFileSync(first, 'x');
    // Links take a fraction of the time and the space of files.
    for (let n = number + 1; n < Math.min(count, number + PER_FOLDER); n += 1)
      linkSync(first, join(folder, `IMG_${n}.jpg`));
  }
}

function run(home, root, expected) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, '--run', home, root], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const figures = JSON.parse(stdout);
  for (const [name, value] of Object.entries(expected)) {
    if (figures[name] !== value) throw new Error(`${name} is ${figures[name]} where it should be ${value}: ${stdout}`);
  }
  return figures;
}

async function measure(count) {
  const home = await mkdtemp(join(tmpdir(), 'curate-growth-'));
  try {
    const root = join(home, 'photos');
    makePhotos(root, count);
    const first = run(home, root, { added: count, photos: count });
    const unchanged = run(home, root, { unchanged: count, written: 0, listings: 0 });
    const added = join(root, 'new');
    mkdirSync(added);
    for (let n = 0; n < NEW_PHOTOS; n += 1) writeFileSync(join(added, `NEW_${n}.jpg`), 'x');
    const few = run(home, root, { added: NEW_PHOTOS, unchanged: count, listings: 0 });
    return { 'first index': first, 'nothing to do': unchanged, [`${NEW_PHOTOS} new photos`]: few };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

if (process.argv[2] === '--run') {
  console.log(JSON.stringify(await runHere(process.argv[3], process.argv[4])));
} else {
  const counts = process.argv.slice(2).map(Number);
  for (const count of counts.length > 0 ? counts : [50_000, 200_000]) {
    for (const [what, { resident, own, heap, processor }] of Object.entries(await measure(count))) {
      const most = `${resident.toFixed(0)} MB at most, ${own.toFixed(0)} MB without mapped files, heap ${heap.toFixed(0)} MB`;
      console.log(`${count.toLocaleString('en')} photos, ${what}: ${most}, ${processor.toFixed(1)} s of processor`);
    }
  }
}
