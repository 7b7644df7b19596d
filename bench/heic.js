/**
 * What HEIC photos cost: CPU time with libheif, every pixel decoded and reduced, as version 0.1.0 did it, beside curate's
 * reduced decode, and the cosine between the vector of that and the vector of every pixel.
 *
 *   node bench/heic.js [FOLDER]      a folder of HEIC photos; by default 4 are made, of 12 megapixels, by Python
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openSession } from '../dist/embedding/inference.js';
import { resolveModel } from '../dist/embedding/models.js';
import { preprocess } from '../dist/embedding/preprocess.js';
import { cosine, toUnitLength } from '../dist/embedding/vector.js';
import { decodePhoto, reducedSize } from '../dist/photos/decode.js';
import { decodeHeic } from '../dist/photos/heic/heic.js';
import { loadSharp } from '../dist/photos/sharp.js';
import { MAX_PIXELS } from '../dist/photos/source.js';
import { loadSettings } from '../dist/settings.js';
import { realWorld } from '../dist/world.js';
import { madeOnce } from './camera-photos.js';
import { turnsOf } from './processor-time.js';

const COUNT = 4;
const TURNS = 3;
const REQUIREMENTS = ['pillow==13.0.0', 'pillow-heif==1.8.1', 'numpy==2.4.6'];

function makePhotos(folder) {
  const venv = fileURLToPath(new URL('../node_modules/.cache/curate-bench/heic-python', import.meta.url));
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
  const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', ...REQUIREMENTS], { stdio: 'inherit' });
  const script = fileURLToPath(new URL('heic-photos.py', import.meta.url));
  execFileSync(python, [script, folder, String(COUNT)], { stdio: 'inherit' });
}

/** The CPU time of `work`, milliseconds: the middle of some turns; and what it gave. */
async function timed(work) {
  const { result, times } = await turnsOf(TURNS, work);
  return { result, ms: middle(times) };
}

function middle(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

const world = realWorld();
const home = await mkdtemp(join(tmpdir(), 'curate-bench-'));
const model = await resolveModel(world, { ...loadSettings(world), paths: { config: home, data: home, cache: home } });
const infer = await openSession(model, home);
const target = model.input.resizeShortSide;
const embed = async ({ image, size }) => toUnitLength(await infer(preprocess(image, size, model.input)));

async function asBefore(bytes) {
  const { data, width, height } = await decodeHeic(bytes, MAX_PIXELS);
  const smaller = reducedSize({ width, height }, target);
  if (smaller === null) return;
  const sharp = await loadSharp();
  const pipeline = sharp(data, { raw: { width, height, channels: 3 } }).raw();
  await pipeline.resize({ ...smaller, fit: 'fill', kernel: 'lanczos3' }).toBuffer();
}

try {
  const folder =
    process.argv[2] ?? (await madeOnce(`heic-${COUNT}`, `${COUNT} HEIC photos of 12 megapixels`, makePhotos));
  const names = (await readdir(folder)).filter((name) => /\.(heic|heif|hif)$/i.test(name)).sort();
  const rows = [];
  console.log('photo                     megapixels     MB   libheif    curate  times    cosine');
  for (const name of names) {
    const bytes = await readFile(join(folder, name));
    const whole = await decodePhoto(bytes, { reduceFor: null });
    if (whole.kind === 'fault') {
      console.log(name.padEnd(24), whole.fault.reason);
      continue;
    }
    const before = await timed(() => asBefore(bytes));
    const now = await timed(() => decodePhoto(bytes, { reduceFor: target, centreSquare: true }));
    const exact = await embed(whole);
    const rest = await timed(() => embed(now.result));
    const row = { before: before.ms, now: now.ms, rest: rest.ms, cosine: cosine(exact, rest.result) };
    rows.push(row);
    const { width, height } = whole.size;
    const about = [((width * height) / 1e6).toFixed(1).padStart(11), (bytes.length / 1e6).toFixed(2).padStart(6)];
    const times = [row.before.toFixed(0).padStart(9), row.now.toFixed(0).padStart(9)];
    console.log(
      name.slice(0, 24).padEnd(24),
      ...about,
      ...times,
      (row.before / row.now).toFixed(2).padStart(6),
      row.cosine.toFixed(5).padStart(9),
    );
  }
  const sum = (pick) => rows.reduce((total, row) => total + pick(row), 0);
  const decoding = sum((row) => row.before) / sum((row) => row.now);
  const all = sum((row) => row.before + row.rest) / sum((row) => row.now + row.rest);
  const cosines = rows.map((row) => row.cosine);
  console.log(`decoding: ${decoding.toFixed(2)} times as fast; with the resize and the model: ${all.toFixed(2)} times`);
  console.log(`cosine: ${middle(cosines).toFixed(5)} in the middle, ${Math.min(...cosines).toFixed(5)} at worst`);
} finally {
  await rm(home, { recursive: true, force: true });
}
