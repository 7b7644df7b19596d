import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import {
  flat,
  garbage,
  gifBomb,
  heicGarbage,
  jpegClaiming,
  picture,
  png,
  tiffLoop,
  webpBomb,
  withExifLoop,
} from './bytes.ts';

/** What is to become of one file. `passed`: it does not look like a photo, and need not be mentioned. */
export type Expectation =
  | { readonly indexed: readonly [width: number, height: number] }
  | { readonly failed: string }
  | { readonly skipped: string }
  | 'passed';

interface Hostile {
  /** Relative to the root; a Buffer where it is not UTF-8. */
  readonly path: string | Buffer;
  readonly expected: Expectation;
}

interface HostileFile extends Hostile {
  readonly bytes: Buffer | string;
}

/** A colour of its own for each, so that no file takes another's vector. */
async function named(path: string, seed: number): Promise<HostileFile> {
  const bytes = await picture(90 + seed, 70)
    .jpeg({ quality: 80 })
    .toBuffer();
  return { path, bytes, expected: { indexed: [90 + seed, 70] } };
}

async function contents(): Promise<HostileFile[]> {
  const jpeg = await picture(320, 240).jpeg().toBuffer();
  const plain = await picture(320, 240).png().toBuffer();
  const rgb = picture(200, 120);
  const file = (path: string, bytes: Buffer | string, expected: Expectation): HostileFile => ({
    path,
    bytes,
    expected,
  });
  const holed = Buffer.from(jpeg);
  garbage(400, 7).copy(holed, Math.floor(jpeg.length / 2));
  const frames = await Promise.all(
    [1, 2, 3].map((n) =>
      picture(60 + 20 * n, 60)
        .resize(100, 80)
        .png()
        .toBuffer(),
    ),
  );
  const animation = (): Sharp => sharp(frames, { join: { animated: true } });
  const turned = (orientation: number) => picture(300, 200).withMetadata({ orientation }).jpeg().toBuffer();
  const cmyk = await sharp(await rgb.png().toBuffer())
    .toColourspace('cmyk')
    .jpeg()
    .toBuffer();
  const adobe = await rgb.clone().withIccProfile('p3').jpeg().toBuffer();
  // Each row of a PNG begins with the number of its filter.
  const unfiltered = Buffer.from(garbage(64 * 9).map((byte, i) => (i % 9 === 0 ? 0 : byte)));
  const wide = await flat(30_000, 2).png().toBuffer();
  return [
    file('good.jpg', jpeg, { indexed: [320, 240] }),
    // Damage.
    file('broken/truncated.jpg', jpeg.subarray(0, jpeg.length >> 1), { failed: 'corrupt' }),
    file('broken/header only.jpg', jpeg.subarray(0, 20), { failed: 'corrupt' }),
    file('broken/three bytes.jpg', jpeg.subarray(0, 3), { failed: 'corrupt' }),
    file('broken/truncated.png', plain.subarray(0, plain.length >> 1), { failed: 'corrupt' }),
    file('broken/truncated.webp', (await picture(320, 240).webp().toBuffer()).subarray(0, 400), { failed: 'corrupt' }),
    file('broken/truncated.gif', (await picture(320, 240).gif().toBuffer()).subarray(0, 1500), { failed: 'corrupt' }),
    file('broken/truncated.tif', (await picture(320, 240).tiff().toBuffer()).subarray(0, 900), { failed: 'corrupt' }),
    file('broken/truncated.avif', (await picture(320, 240).avif().toBuffer()).subarray(0, 500), { failed: 'corrupt' }),
    file('broken/hole.jpg', holed, { failed: 'corrupt' }),
    file('broken/empty.jpg', '', { failed: 'empty' }),
    file('broken/zeros.jpg', Buffer.alloc(5000), { failed: 'not_an_image' }),
    file('broken/garbage.jpg', garbage(5000), { failed: 'not_an_image' }),
    file('broken/garbage behind a head.png', Buffer.concat([plain.subarray(0, 8), garbage(3000)]), {
      failed: 'corrupt',
    }),
    file('broken/unknown filters.png', png({ width: 64, height: 64, bits: 1 }, garbage(64 * 9)), { failed: 'corrupt' }),
    file('broken/loop.tif', tiffLoop(), { failed: 'corrupt' }),
    file('broken/heic garbage.heic', heicGarbage(), { failed: 'corrupt' }),
    // False names.
    file('false/text.jpg', 'Dear diary, today I renamed a text.\n', { failed: 'not_an_image' }),
    file('false/drawing.jpg', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', {
      failed: 'not_an_image',
    }),
    file(
      'false/drawing that reads a file.jpg',
      '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "/etc/passwd">]><svg>&x;</svg>',
      {
        failed: 'not_an_image',
      },
    ),
    file('false/document.jpg', '%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n', { failed: 'not_an_image' }),
    file('false/program.jpg', Buffer.concat([Buffer.from('\x7fELF', 'latin1'), garbage(500)]), {
      failed: 'not_an_image',
    }),
    file('false/script.png', '#!/bin/sh\nrm -rf "$HOME"\n', { failed: 'not_an_image' }),
    file('false/jpeg.png', await picture(321, 240).jpeg().toBuffer(), { indexed: [321, 240] }),
    file('false/png.JPG', await picture(322, 240).png().toBuffer(), { indexed: [322, 240] }),
    file('false/no ending', await picture(323, 240).jpeg().toBuffer(), { indexed: [323, 240] }),
    file('false/text', 'nothing to see\n', 'passed'),
    file('false/film.mov', '\0\0\0\x14ftypqt  \0\0\0\0', 'passed'),
    // Bombs: claims without pixels, and pixels that are really there.
    file('bomb/claims.png', png({ width: 60_000, height: 60_000 }, Buffer.alloc(9)), { failed: 'too_large' }),
    file('bomb/claims the most.png', png({ width: 2 ** 31 - 1, height: 2 ** 31 - 1 }, Buffer.alloc(9)), {
      failed: 'corrupt',
    }),
    file('bomb/claims.webp', webpBomb(), { failed: 'too_large' }),
    file('bomb/claims.gif', gifBomb(), { failed: 'too_large' }),
    file('bomb/claims.jpg', jpegClaiming(jpeg, 65_500, 65_500), { failed: 'too_large' }),
    file('bomb/claims a little.jpg', jpegClaiming(jpeg, 15_000, 15_000), { failed: 'corrupt' }),
    file('bomb/real.png', png({ width: 30_000, height: 30_000, bits: 1 }, Buffer.alloc(30_000 * 3751)), {
      failed: 'too_large',
    }),
    file('bomb/real but bearable.png', png({ width: 12_000, height: 12_000, bits: 1 }, Buffer.alloc(12_000 * 1501)), {
      indexed: [12_000, 12_000],
    }),
    // Shapes.
    file('shape/1x1.png', await flat(1, 1).png().toBuffer(), { indexed: [1, 1] }),
    file('shape/1x1.jpg', await flat(1, 1).jpeg().toBuffer(), { indexed: [1, 1] }),
    file('shape/1x5000.png', await flat(1, 5000).png().toBuffer(), { indexed: [1, 5000] }),
    file('shape/2x3.gif', await flat(2, 3).gif().toBuffer(), { indexed: [2, 3] }),
    file('shape/30000x2.png', wide, { indexed: [30_000, 2] }),
    file('shape/2x30000.jpg', await flat(2, 30_000).jpeg().toBuffer(), { indexed: [2, 30_000] }),
    file('shape/30000x40.jpg', await flat(30_000, 40).jpeg().toBuffer(), { indexed: [30_000, 40] }),
    file('shape/on its side.jpg', await turned(6), { indexed: [200, 300] }),
    file('shape/upside down.jpg', await turned(3), { indexed: [300, 200] }),
    // Colours and codings.
    file('kind/cmyk.jpg', cmyk, { indexed: [200, 120] }),
    file('kind/profile.jpg', adobe, { indexed: [200, 120] }),
    file('kind/grey.jpg', await rgb.clone().greyscale().jpeg().toBuffer(), { indexed: [200, 120] }),
    file('kind/grey with alpha.png', await rgb.clone().greyscale().ensureAlpha(0.5).png().toBuffer(), {
      indexed: [200, 120],
    }),
    file('kind/16 bit.png', await rgb.clone().toColourspace('rgb16').png().toBuffer(), { indexed: [200, 120] }),
    file('kind/16 bit.tif', await rgb.clone().toColourspace('rgb16').tiff().toBuffer(), { indexed: [200, 120] }),
    file('kind/1 bit.png', png({ width: 64, height: 64, bits: 1 }, unfiltered), { indexed: [64, 64] }),
    file('kind/palette.png', await rgb.clone().png({ palette: true }).toBuffer(), { indexed: [200, 120] }),
    file('kind/interlaced.png', await rgb.clone().png({ progressive: true }).toBuffer(), { indexed: [200, 120] }),
    file('kind/progressive.jpg', await rgb.clone().jpeg({ progressive: true }).toBuffer(), { indexed: [200, 120] }),
    file('kind/transparent.webp', await rgb.clone().ensureAlpha(0).webp().toBuffer(), { indexed: [200, 120] }),
    file('kind/still.avif', await rgb.clone().avif().toBuffer(), { indexed: [200, 120] }),
    file('kind/animated.gif', await animation().gif({ delay: 90 }).toBuffer(), { indexed: [100, 80] }),
    file('kind/animated.webp', await animation().webp({ delay: 90 }).toBuffer(), { indexed: [100, 80] }),
    file('kind/padded.jpg', Buffer.concat([await picture(201, 120).jpeg().toBuffer(), garbage(3000)]), {
      indexed: [201, 120],
    }),
    file('kind/exif loop.jpg', withExifLoop(await picture(202, 120).jpeg().toBuffer()), { indexed: [202, 120] }),
  ];
}

async function names(): Promise<HostileFile[]> {
  const odd = [
    'new\nline.jpg',
    '\n.jpg',
    'carriage\rreturn.jpg',
    'tab\there.jpg',
    '"double" \'single\' `back`.jpg',
    '100%.jpg',
    '%s%n%d %2e%2e%2f.jpg',
    'back\\slash.jpg',
    'ends with a backslash\\',
    'under_score like %.jpg',
    'pear 🍐 family 👨‍👩‍👧‍👦.jpg',
    `${'a'.repeat(251)}.jpg`,
    `${'猫'.repeat(83)}ab.jpg`,
    '-rf.jpg',
    '--json.jpg',
    '--help',
    '$(reboot);`reboot`&|.jpg',
    '<img src=x onerror=alert(1)>&amp;.jpg',
    '</script><script>alert(1)<!--.jpg',
    'red \x1b[31m and title \x1b]0;owned\x07.jpg',
    'eight bit \x9b31m \x85.jpg',
    'bell \x07 backspace \b\b\b delete \x7f.jpg',
    'erase \x1b[2J\x1b[H screen.jpg',
    'unended \x1b]8;;http:.jpg',
    'turned \u202egpj.exe.jpg',
    'marks \u200e\u200f\u061c isolates \u2066a\u2069.jpg',
    'separators \u2028 and \u2029.jpg',
    'zero\u200bwidth \ufeff.jpg',
    ' leading and trailing .jpg ',
    '~.jpg',
    '#.jpg',
    '!important.jpg',
    '*.jpg',
    '[a-z]?.jpg',
    'id == "" or library != "".jpg',
    'caf\u00e9.jpg',
    'cafe\u0301.jpg',
    'CON.jpg',
    '__proto__.jpg',
    'constructor',
    '日本語の写真.JPEG',
  ];
  const folders = ['names', 'names/folder \n "of" %_\\ \x1b[1m 🍐', 'names/photo.jpg'];
  const files = await Promise.all(odd.map((name, i) => named(`names/${name}`, i)));
  const nested = await Promise.all(folders.slice(1).map((folder, i) => named(`${folder}/inside.jpg`, 200 + i)));
  return [...files, ...nested];
}

export interface Corpus {
  readonly root: string;
  /** By absolute path, as curate prints it. */
  readonly expected: ReadonlyMap<string, Expectation>;
  readonly server: Server;
}

/** Makes the corpus below `root`. Sockets live as long as `server`. */
export async function makeCorpus(root: string): Promise<Corpus> {
  const files = [...(await contents()), ...(await names()), await deepFile(root)];
  for (const { path, bytes } of files) {
    const place = join(root, path.toString());
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, bytes);
  }
  const { entries, server } = await specials(root);
  const all: readonly Hostile[] = [...files, ...entries, ...(await notUtf8(root))];
  return { root, expected: new Map(all.map(({ path, expected }) => [join(root, path.toString()), expected])), server };
}

/** PATH_MAX of Linux, its ending zero included. */
const PATH_MAX = 4096;

/** A file whose absolute path has as many bytes as a path may have. */
async function deepFile(root: string): Promise<HostileFile> {
  const room = PATH_MAX - 1 - Buffer.byteLength(root) - 1;
  const ending = '/deep.jpg';
  const folders = 'deep/'.repeat(2) + `${'d'.repeat(99)}/`.repeat(60);
  return { ...(await named(folders.slice(0, room - ending.length).replace(/\/$/, 'd') + ending, 300)) };
}

/** What is no file, and what leads elsewhere. */
async function specials(root: string): Promise<{ entries: Hostile[]; server: Server }> {
  const at = (name: string): string => join(root, 'special', name);
  await mkdir(at('a folder.jpg'), { recursive: true });
  await mkdir(at('loop'), { recursive: true });
  execFileSync('mkfifo', [at('pipe.jpg'), at('pipe'), at('loop/.curateignore')]);
  // A socket's path is limited to about 104 bytes, so it is bound beside and linked into place.
  const server = createServer();
  const bound = `${root}.sock`;
  await new Promise<void>((resolve) => server.listen(bound, resolve));
  await link(bound, at('socket.jpg'));
  await symlink('/dev/zero', at('zeros for ever.jpg'));
  await symlink(join(root, 'good.jpg'), at('link to a photo.jpg'));
  await symlink('nowhere.jpg', at('dangling.jpg'));
  await symlink('self.jpg', at('self.jpg'));
  await symlink('.', at('loop/here'));
  await symlink('..', at('loop/up.jpg'));
  await symlink('/', at('loop/everything'));
  await writeFile(at('.hidden.jpg'), await flat(9, 9).jpeg().toBuffer());
  await mkdir(at('.Trash'), { recursive: true });
  await writeFile(at('.Trash/deleted.jpg'), await flat(9, 9).jpeg().toBuffer());
  const link_ = { skipped: 'symbolic link' };
  const entries: [string, Expectation][] = [
    ['pipe.jpg', { skipped: 'named pipe' }],
    ['pipe', { skipped: 'named pipe' }],
    ['socket.jpg', { skipped: 'socket' }],
    ['zeros for ever.jpg', link_],
    ['link to a photo.jpg', link_],
    ['dangling.jpg', link_],
    ['self.jpg', link_],
    ['loop/here', link_],
    ['loop/up.jpg', link_],
    ['loop/everything', link_],
    ['.hidden.jpg', { skipped: 'hidden' }],
    ['.Trash', { skipped: 'hidden' }],
  ];
  if (process.getuid?.() === 0) {
    execFileSync('mknod', [at('device.jpg'), 'c', '1', '5']);
    entries.push(['device.jpg', { skipped: 'device' }]);
  }
  await chmod(root, 0o755);
  return { entries: entries.map(([name, expected]) => ({ path: `special/${name}`, expected })), server };
}

/** Names that are not UTF-8; nothing where the file system refuses them, as on macOS. */
async function notUtf8(root: string): Promise<Hostile[]> {
  const made: Hostile[] = [];
  for (const path of [Buffer.from('names/latin \xe9.jpg', 'latin1'), Buffer.from('names/folder \xff', 'latin1')]) {
    const place = Buffer.concat([Buffer.from(`${root}/`), path]);
    try {
      if (path.includes('.jpg')) await writeFile(place, await flat(8, 8).jpeg().toBuffer());
      else await mkdir(place);
      made.push({ path, expected: { failed: 'name' } });
    } catch {
      // Refused: there is then nothing to find.
    }
  }
  return made;
}
