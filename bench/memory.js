/**
 * The memory that all of curate's processes take together while `curate index` embeds a large folder for the first time.
 *
 *   node bench/memory.js [PHOTOS]      30,000 by default; built code is measured, so `npm run build` comes first
 *
 * Every 30th photo has 12 megapixels, the others one. Each has bytes of its own behind its image, so that none is
 * taken for a copy.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { readState } from '../dist/store/lite/connect.js';
import { liteFolders } from '../dist/store/lite/folders.js';
import { stopLite } from '../dist/store/lite/server.js';
import { realWorld } from '../dist/world.js';
import { cameraPhotos } from './camera-photos.js';
import { familyOf, proportionalMegabytes } from './processes.js';
import { lendStorePython } from './python.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const LARGE_EVERY = 30;
const SOURCES = 40;
const SAMPLE_MS = 500;

async function makePhotos(root, count) {
  const folder = await cameraPhotos(300);
  const names = (await readdir(folder)).sort().slice(0, SOURCES);
  const large = await Promise.all(names.map((name) => readFile(join(folder, name))));
  const small = await Promise.all(large.map((bytes) => sharp(bytes).resize(1200, 900).jpeg().toBuffer()));
  for (let made = 0; made < count; made += 1) {
    const target = join(root, `folder ${Math.floor(made / 500)}`);
    if (made % 500 === 0) await mkdir(target, { recursive: true });
    const bytes = (made % LARGE_EVERY === 0 ? large : small)[made % SOURCES];
    await writeFile(join(target, `IMG_${made}.jpg`), Buffer.concat([bytes, Buffer.from(String(made))]));
  }
}

/** Peak megabytes of curate and its workers, of the store's server, and of both at one moment. */
export async function benchMemory(count = 30_000) {
  const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
  const root = join(home, 'photos');
  const data = join(home, 'data');
  await lendStorePython(data);
  try {
    await makePhotos(root, count);
    const peaks = { curate: 0, server: 0, together: 0 };
    const started = performance.now();
    const child = spawn(process.execPath, [here('../bin/curate.js'), 'index', root, '--json'], {
      env: { ...process.env, CURATE_HOME: home },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const sampling = setInterval(async () => {
      const state = await readState(liteFolders(data).state);
      const family = familyOf(child.pid).filter((pid) => pid !== state?.pid);
      const curate = proportionalMegabytes(family);
      const server = state === null ? 0 : proportionalMegabytes([state.pid]);
      peaks.curate = Math.max(peaks.curate, curate);
      peaks.server = Math.max(peaks.server, server);
      peaks.together = Math.max(peaks.together, curate + server);
    }, SAMPLE_MS);
    const output = Buffer.concat(await child.stdout.toArray()).toString();
    clearInterval(sampling);
    const [library] = JSON.parse(output).libraries;
    if (library.photos !== count) throw new Error(`${library.photos} of ${count} photos were indexed`);
    return { count, seconds: (performance.now() - started) / 1000, ...peaks };
  } finally {
    await stopLite({ ...realWorld(), env: { ...process.env, CURATE_HOME: home } }, { data });
    await rm(home, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { count, seconds, curate, server, together } = await benchMemory(Number(process.argv[2] ?? 30_000));
  console.log(`${count.toLocaleString('en')} photos in ${Math.round(seconds)} s; peak memory, MB:`);
  console.log(`  curate and its workers ${Math.round(curate)}, the server ${Math.round(server)}`);
  console.log(`  together at one moment ${Math.round(together)}`);
  process.exit();
}
