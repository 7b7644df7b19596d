/**
 * What `curate dedupe` makes of a labelled set: real photos with copies, renditions, edits and bursts.
 *
 *   node bench/dedupe.js [FOLDER ...]        photos of these folders, 30 at the most, instead of the fixtures
 *   node bench/dedupe.js --pairs FOLDER ...  is any pair of different photos there held for the same picture?
 *   node bench/dedupe.js --rows N FILE.npy   the neighbours of N vectors, mixed from those of a `curate export`; THREADS=2
 *                                            with two threads
 *   node bench/dedupe.js --library N FILE.npy  a whole `curate dedupe` over N photos whose vectors are mixed from those,
 *                                            a fifth of them small photos and the same saved again, the rest of one byte
 *
 * Run after a build. Folders must hold different photos: what is called the same picture there is printed, to be looked at.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { rootsOf, toUnitLength } from '../dist/embedding/vector.js';
import { neighbours } from '../dist/library/dedupe/neighbours.js';
import { PackedVectors } from '../dist/library/dedupe/packed.js';
import { fitsPrint } from '../dist/library/dedupe/prints.js';
import { FINE_BOX, sameFinePrint, samePicture, sameShape } from '../dist/library/dedupe/same-picture.js';
import { photoId } from '../dist/library/paths.js';
import { FACTS_VERSION } from '../dist/photos/facts.js';
import { PRINT_BOX, printIn } from '../dist/photos/print.js';
import { renderPhoto } from '../dist/photos/render.js';
import { UNREAD } from '../dist/store/port.js';
import { openLibrary } from './library.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const fixtures = join(root, 'fixtures/photos');
const FIXTURES = [
  ...['pets/kitten-1.jpg', 'pets/dog-1.jpg', 'Zoo/red-panda-1.jpg', 'Küche/citrus-1.jpg', 'Küche/fig.jpg', 'crab.jpg'],
  ...['2024-06 Cincinnati/bridge-1.jpg', '2023-10 Picos de Europa/mountain.jpg', '2025-05 Füssen/neuschwanstein.jpg'],
  'brushes.jpg',
];
const MOST_ORIGINALS = 30;
const FRAMES = ['pets/kitten-', 'pets/dog-', 'Zoo/red-panda-', 'Küche/citrus-', '2024-06 Cincinnati/bridge-'];
/** The kind that each is to be found as, beside its original. */
const RENDITIONS = {
  'saved-again.jpg': ['same', (photo) => photo.keepExif().jpeg({ quality: 60 })],
  'half.jpg': [
    'same',
    (photo, { width }) =>
      photo
        .keepExif()
        .resize(Math.round(width / 2))
        .jpeg(),
  ],
  'small.webp': ['same', (photo) => photo.resize(400).webp()],
  'double.jpg': ['same', (photo, { width }) => photo.resize(width * 2).jpeg()],
  'crop.jpg': ['similar', (photo, size) => photo.extract(inner(size, 0.9)).jpeg()],
  'bright.jpg': ['similar', (photo) => photo.linear(1.15, 0).jpeg()],
  'grey.jpg': ['similar', (photo) => photo.grayscale().jpeg()],
  'mirrored.jpg': ['similar', (photo) => photo.flop().jpeg()],
};

function inner({ width, height }, share) {
  const [w, h] = [Math.round(width * share), Math.round(height * share)];
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

/** Of each photograph drawn by chance, what is left of it beside another: few of these are alike by chance. */
const OWN = 0.7;
const PER_FOLDER = 200;
const BATCH = 1000;

/** By path: which original it is of, and as what it is to be found; null for originals themselves. */
const labels = new Map();
const [mode, ...rest] = process.argv.slice(2);
if (mode === '--pairs') await tryPairs(rest);
else if (mode === '--rows') await timeNeighbours(Number(rest[0]), rest[1]);
else if (mode === '--library') await timeRun(Number(rest[0]), rest[1]);
else await labelled(process.argv.slice(2));

/** Photos of folders that are large enough to be scaled down, spread evenly, so that no folder's first ones stand for all. */
async function photosIn(folders, most) {
  const found = [];
  for (const folder of folders) {
    for (const name of readdirSync(folder, { recursive: true }).sort()) {
      if (!/\.(jpe?g|png|webp)$/i.test(name)) continue;
      const size = await sharp(join(folder, name))
        .metadata()
        .catch(() => null);
      if (size !== null && Math.min(size.width, size.height) >= 480) found.push(join(folder, name));
    }
  }
  const step = Math.max(1, found.length / most);
  return found.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
}

async function labelled(folders) {
  const originals =
    folders.length === 0 ? FIXTURES.map((name) => join(fixtures, name)) : await photosIn(folders, MOST_ORIGINALS);
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'curate-bench-dedupe-')));
  const photos = join(home, 'photos');
  const curate = (...args) =>
    execFileSync(process.execPath, [join(root, 'bin/curate.js'), ...args], {
      env: { ...process.env, CURATE_HOME: join(home, 'curate') },
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    }).toString();
  try {
    for (const [i, source] of originals.entries()) {
      const folder = join(photos, `${i}`);
      mkdirSync(folder, { recursive: true });
      const add = (name, kind) => {
        labels.set(join(folder, name), { original: source, kind });
        return join(folder, name);
      };
      copyFileSync(source, add(`a${extname(source)}`, null));
      copyFileSync(source, add(`copy${extname(source)}`, 'identical'));
      const { autoOrient: size } = await sharp(source).metadata();
      for (const [name, [kind, make]] of Object.entries(RENDITIONS)) {
        await make(sharp(source, { failOn: 'none' }).autoOrient(), size).toFile(add(name, kind));
      }
      const frames = FRAMES.map((prefix) => join(fixtures, prefix)).find((prefix) => source.startsWith(prefix));
      for (const n of frames === undefined ? [] : [2, 3]) {
        copyFileSync(`${frames}${n}.jpg`, add(`frame-${n}.jpg`, 'burst'));
      }
    }
    curate('index', photos);
    const { groups } = JSON.parse(curate('dedupe', '--json', '--keep', 'original'));
    report(groups, photos);
  } finally {
    curate('stop');
    rmSync(home, { recursive: true, force: true });
  }
}

/** Compares the pixels of every photo with those of every other: stricter than curate, which asks vectors first. */
async function tryPairs(folders) {
  const files = await photosIn(folders, Number.POSITIVE_INFINITY);
  const prints = [];
  const render = (file, side) =>
    renderPhoto({
      file,
      box: { width: side, height: side },
      as: { format: 'print' },
      background: '#ffffff',
      whole: false,
    });
  const sameClosely = async (one, other) => {
    if (fitsPrint(one.print) || fitsPrint(other.print)) return true;
    const [a, b] = [await render(one.file, FINE_BOX), await render(other.file, FINE_BOX)];
    return sameFinePrint(a.luma, b.luma);
  };
  for (const file of files) {
    const rendered = await render(file, PRINT_BOX);
    if (rendered.kind !== 'rendition') continue;
    const { autoOrient: full } = await sharp(file).metadata();
    prints.push({ file, print: printIn(rendered.data, rendered, full) });
  }
  let [pairs, compared] = [0, 0];
  for (const [i, one] of prints.entries()) {
    for (const other of prints.slice(i + 1)) {
      pairs += 1;
      if (!sameShape(one.print, other.print)) continue;
      compared += 1;
      if (!samePicture(one.print, other.print)) continue;
      const verdict = (await sameClosely(one, other)) ? 'held for the same' : 'told apart by the small print';
      console.log(`${verdict}: ${one.file} ${other.file}`);
    }
  }
  console.log(
    `${prints.length} photos, ${pairs} pairs, of which ${compared} have one shape and were compared pixel by pixel`,
  );
}

/** A library of moments, as no collection at hand is large enough: every photograph some times, each drawn a little to another. */
async function timeNeighbours(count, file) {
  const photographs = vectorsOf(readFileSync(file)).map((vector) => rootsOf(toUnitLength(vector)));
  const { length: dim } = photographs[0];
  const vectors = new PackedVectors(dim, count);
  // Numerical Recipes' linear congruential generator.
  let state = 1;
  const any = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return photographs[Math.floor((state / 2 ** 32) * photographs.length)];
  };
  for (let i = 0; i < count; i += 1) {
    const [near, far] = [any(), any()];
    vectors.add(toUnitLength(near.map((value, d) => 0.95 * value + 0.05 * far[d])));
  }
  const [before, began] = [process.cpuUsage(), performance.now()];
  const { signal } = new AbortController();
  const { pairs } = await neighbours(vectors, 0.85, { signal, threads: Number(process.env.THREADS ?? 1) });
  const { user, system } = process.cpuUsage(before);
  const [seconds, megabytes] = [(user + system) / 1e6, process.memoryUsage().rss / 1e6];
  console.log(
    `${count} vectors: ${((performance.now() - began) / 1000).toFixed(1)} s, ${seconds.toFixed(1)} s of processor, ${megabytes.toFixed(0)} MB, ${pairs.count} pairs`,
  );
}

/** A whole run, as a person starts it, over a library that is filled without embedding anything. */
async function timeRun(count, file) {
  const photographs = vectorsOf(readFileSync(file)).map(toUnitLength);
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'curate-bench-dedupe-')));
  const { root, table, close } = await openLibrary(home, 'bench');
  try {
    mkdirSync(root);
    await fill(table, root, count, photographs);
    for (const args of [['--kind', 'identical'], []]) {
      const { seconds, cpu, megabytes, document } = await timed(home, ['dedupe', '--json', ...args]);
      const { groups } = JSON.parse(document);
      const going = groups.flatMap(({ others }) => others).length;
      console.log(
        `dedupe ${args.join(' ')}: ${seconds.toFixed(1)} s, ${cpu.toFixed(1)} s of processor, ${megabytes.toFixed(0)} MB; ` +
          `${groups.length} groups, ${going} others`,
      );
    }
  } finally {
    await close();
  }
  process.exit();
}

/** Rows for files that are there: of ten photos two are one picture, the second saved again at another quality. */
async function fill(table, root, count, photographs) {
  const sources = readdirSync(fixtures, { recursive: true }).filter((name) => /\.jpg$/.test(name));
  // Numerical Recipes' linear congruential generator.
  let state = 1;
  const chance = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const any = () => photographs[Math.floor(chance() * photographs.length)];
  const drawn = () => {
    const [near, far] = [any(), any()];
    return toUnitLength(near.map((value, d) => (chance() < OWN ? value : far[d])));
  };
  let [batch, twin] = [[], null];
  for (let number = 0; number < count; number += 1) {
    const path = `${Math.floor(number / PER_FOLDER)}/IMG_${number}.jpg`;
    if (number % PER_FOLDER === 0) mkdirSync(join(root, path, '..'), { recursive: true });
    const [isPhoto, isTwin] = [number % 10 === 0, number % 10 === 1];
    const vector = isTwin ? toUnitLength(twin.vector.map((value) => value * (0.95 + 0.1 * chance()))) : drawn();
    const bytes =
      isPhoto || isTwin ? await smallPhoto(isTwin ? twin.number : number, isTwin ? 70 : 90, sources) : `${number}`;
    if (isPhoto) twin = { number, vector };
    writeFileSync(join(root, path), bytes);
    const { size, mtimeMs } = statSync(join(root, path));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const place = { id: photoId('bench', path), library: 'bench', path, sha256, size, mtimeMs: Math.round(mtimeMs) };
    const facts = { ...UNREAD, facts: FACTS_VERSION, takenMs: null, camera: null, width: 480, height: 320, quality: 1 };
    batch.push({ ...place, ...facts, vector });
    if (batch.length < BATCH && number < count - 1) continue;
    await table.upsert(batch);
    batch = [];
  }
  await table.flush();
}

/** A part of a photograph that no other number has. */
async function smallPhoto(number, quality, sources) {
  const source = join(fixtures, sources[number % sources.length]);
  const turn = Math.floor(number / sources.length);
  const [left, top] = [(turn * 7) % 100, Math.floor((turn * 7) / 100) % 100];
  return sharp(source, { failOn: 'none' })
    .resize(600, 440, { fit: 'fill' })
    .extract({ left, top, width: 480, height: 320 })
    .jpeg({ quality })
    .toBuffer();
}

/** One run of curate in a process of its own: seconds, processor seconds and most memory of it and what it started. */
function timed(home, args) {
  const curate = fileURLToPath(new URL('../bin/curate.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const code = `import(${JSON.stringify(curate)}); process.on('exit', () => {
      const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
      process.stderr.write('\\n' + JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, megabytes: maxRSS / 1000 }));
    });`;
    const began = performance.now();
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, curate, ...args], {
      env: { ...process.env, CURATE_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [document, said] = ['', ''];
    child.stdout.on('data', (text) => {
      document += text;
    });
    child.stderr.on('data', (text) => {
      said += text;
    });
    child.on('close', (status) => {
      const seconds = (performance.now() - began) / 1000;
      if (status === 0) resolve({ seconds, document, ...JSON.parse(said.trim().split('\n').at(-1)) });
      else reject(new Error(said));
    });
  });
}

/** The rows of a NumPy file of float32, two dimensions, as `curate export` writes it. */
function vectorsOf(npy) {
  const header = npy.subarray(10, 10 + npy.readUInt16LE(8)).toString('latin1');
  const [, rows, dim] = /\((\d+), (\d+)\)/.exec(header).map(Number);
  const values = new Float32Array(npy.buffer.slice(npy.byteOffset + 10 + npy.readUInt16LE(8)));
  return Array.from({ length: rows }, (_, i) => values.slice(i * dim, (i + 1) * dim));
}

/** What two photos of one original are to each other. */
function truth(a, b) {
  const [one, other] = [labels.get(a), labels.get(b)];
  if (one.original !== other.original) return 'different';
  const kinds = [one.kind, other.kind].map((kind) => (kind === null || kind === 'identical' ? 'original' : kind));
  if (kinds.every((kind) => kind === 'original')) return 'identical';
  if (kinds.every((kind) => kind === 'original' || kind === 'same')) return 'same';
  // An edit that lost its time is only alike to the other frames.
  return kinds.includes('burst') && !kinds.includes('similar') ? 'burst' : 'similar';
}

function report(groups, photos) {
  const pairs = groups.flatMap(({ kind, keeper, others }) =>
    others.map(({ path }) => ({ kind, path, keeper: keeper.path })),
  );
  console.log('| kind | photos | found as it (recall) | of what is called it (precision) |\n|---|---|---|---|');
  for (const kind of ['identical', 'same', 'burst', 'similar']) {
    const called = pairs.filter((pair) => pair.kind === kind);
    const right = called.filter(({ path, keeper }) => truth(path, keeper) === kind).length;
    const wanted = [...labels].filter(([, label]) => label.kind === kind).map(([path]) => path);
    const found = wanted.filter((path) =>
      pairs.some((pair) => pair.kind === kind && (pair.path === path || pair.keeper === path)),
    );
    console.log(`| ${kind} | ${wanted.length} | ${found.length} of ${wanted.length} | ${right} of ${called.length} |`);
    for (const path of wanted)
      if (!found.includes(path)) console.error(`not found as ${kind}: ${path.slice(photos.length)}`);
    for (const { path, keeper } of called) {
      if (truth(path, keeper) !== kind)
        console.error(`called ${kind}: ${path.slice(photos.length)} of ${keeper.slice(photos.length)}`);
    }
  }
}
