/**
 * What `curate dedupe` makes of a labelled set: real photos of the fixtures with copies, renditions, edits and bursts.
 * Run after a build: node bench/dedupe.js
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const root = fileURLToPath(new URL('..', import.meta.url));
const fixtures = join(root, 'fixtures/photos');
const ORIGINALS = [
  ...['pets/kitten-1.jpg', 'pets/dog-1.jpg', 'Zoo/red-panda-1.jpg', 'Küche/citrus-1.jpg', 'Küche/fig.jpg', 'crab.jpg'],
  ...['2024-06 Cincinnati/bridge-1.jpg', '2023-10 Picos de Europa/mountain.jpg', '2025-05 Füssen/neuschwanstein.jpg'],
  'brushes.jpg',
];
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

/** By path: which original it is of, and as what it is to be found; null for originals themselves. */
const labels = new Map();
const home = realpathSync(mkdtempSync(join(tmpdir(), 'curate-bench-dedupe-')));
const photos = join(home, 'photos');
const curate = (...args) =>
  execFileSync(process.execPath, [join(root, 'bin/curate.js'), ...args], {
    env: { ...process.env, CURATE_HOME: join(home, 'curate') },
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  }).toString();

try {
  for (const original of ORIGINALS) {
    const folder = join(photos, basename(original).replace(/-1?\..*$|\..*$/, ''));
    mkdirSync(folder, { recursive: true });
    const add = (name, kind) => {
      labels.set(join(folder, name), { original, kind });
      return join(folder, name);
    };
    const source = join(fixtures, original);
    copyFileSync(source, add('a.jpg', null));
    copyFileSync(source, add('copy.jpg', 'identical'));
    const size = await sharp(source).metadata();
    for (const [name, [kind, make]] of Object.entries(RENDITIONS)) {
      await make(sharp(source), size).toFile(add(name, kind));
    }
    const frames = FRAMES.find((prefix) => original.startsWith(prefix));
    for (const n of frames === undefined ? [] : [2, 3]) {
      copyFileSync(join(fixtures, `${frames}${n}.jpg`), add(`frame-${n}.jpg`, 'burst'));
    }
  }
  curate('index', photos);
  const { groups } = JSON.parse(curate('dedupe', '--json', '--keep', 'original'));
  report(groups);
} finally {
  curate('stop');
  rmSync(home, { recursive: true, force: true });
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

function report(groups) {
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
