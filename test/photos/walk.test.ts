import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { walk } from '../../src/photos/walk.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'curate-walk-'));
});
afterEach(async () => {
  await chmod(join(root, 'locked'), 0o700).catch(() => undefined);
  await rm(root, { recursive: true, force: true });
});

const ODD_NAMES = [
  'new\nline.jpg',
  'quote"\'.jpg',
  '100%_.jpg',
  'back\\slash.jpg',
  '-dash.jpg',
  'emoji😀.jpg',
  `${'ü'.repeat(125)}.jpg`,
  'caf\u00e9.jpg',
  'cafe\u0301.jpg',
  '[a]{b}*?.jpg',
  ' lead and trail .jpg',
  'tab\t.jpg',
];

describe('walking a folder', () => {
  it.skipIf(process.platform !== 'linux')(
    'passes over the folders in which Linux shows itself, a line each',
    async () => {
      const { files, skipped } = await walk('/', { ignore: ['/*', '!/proc', '!/sys', '!/dev'] });
      expect(files).toEqual([]);
      const named = skipped.filter(({ path }) => /^(dev|proc|sys)(\/|$)/.test(path));
      expect(named.map(({ path }) => path).sort()).toEqual(['dev', 'proc', 'sys']);
    },
  );

  it('finds photos whatever their names hold, and in folders of such names', async () => {
    for (const name of ODD_NAMES) {
      await writeFile(join(root, name), 'x');
      const folder = `${name.slice(0, -4)} dir`.slice(0, 80);
      await mkdir(join(root, folder));
      await writeFile(join(root, folder, 'in.jpg'), 'x');
    }
    const { files, failed } = await walk(root);
    expect(failed).toEqual([]);
    expect(files).toHaveLength(2 * ODD_NAMES.length);
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(ODD_NAMES));
  });

  it('reports a name that is not UTF-8 instead of losing it', async () => {
    await writeFile(Buffer.concat([Buffer.from(`${root}/bad`), Buffer.from([0xff]), Buffer.from('.jpg')]), 'x');
    const { files, failed } = await walk(root);
    expect(files).toEqual([]);
    expect(failed).toEqual([expect.objectContaining({ code: 'name' })]);
  });

  it('passes over what is no photo under such a name, by its first bytes where the ending says nothing', async () => {
    const named = (name: string): Buffer => Buffer.concat([Buffer.from(`${root}/sub/`), Buffer.from(name, 'latin1')]);
    await mkdir(join(root, 'sub'));
    await writeFile(named('caf\xe9'), 'text');
    await writeFile(named('caf\xe9.txt'), 'text');
    await writeFile(named('caf\xe9.backup'), 'text');
    await writeFile(named('empty\xe9'), '');
    await writeFile(named('photo\xe9'), Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70]));
    await symlink('nowhere', named('link\xe9'));
    await mkdir(named('folder\xe9'));
    const { files, failed, skipped } = await walk(root);
    expect(files).toEqual([]);
    expect(failed.map(({ path, code }) => [path, code]).sort()).toEqual([
      ['sub/folder\ufffd', 'name'],
      ['sub/photo\ufffd', 'name'],
    ]);
    expect(skipped).toEqual([{ path: 'sub/link\ufffd', reason: 'symbolic link' }]);
  });

  it('mentions pipes and links without opening them', async () => {
    execFileSync('mkfifo', [join(root, 'pipe.jpg')]);
    await symlink('nowhere', join(root, 'dangling.jpg'));
    await symlink('.', join(root, 'loop'));
    const { files, skipped } = await walk(root);
    expect(files).toEqual([]);
    expect(new Map(skipped.map(({ path, reason }) => [path, reason]))).toEqual(
      new Map([
        ['pipe.jpg', 'named pipe'],
        ['dangling.jpg', 'symbolic link'],
        ['loop', 'symbolic link'],
      ]),
    );
  });

  it('tells photos by their first bytes where the name says nothing', async () => {
    await writeFile(join(root, 'IMG_0001'), Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70]));
    await writeFile(join(root, 'scan'), 'II+\0');
    await writeFile(join(root, 'shot'), '\0\0\0\x18ftyphevx\0\0\0\0');
    await writeFile(join(root, 'web'), '\0\0\0\x18ftypavif\0\0\0\0');
    await writeFile(join(root, 'film'), '\0\0\0\x18ftypisom\0\0\0\0');
    await writeFile(join(root, 'README'), 'no photo');
    await writeFile(join(root, 'photo.mp4'), Buffer.from([0xff, 0xd8, 0xff, 0xe0]));
    await writeFile(join(root, 'a.jpg.bak'), '\x89PNG\r\n\x1a\n', 'latin1');
    await writeFile(join(root, 'clip.mp4'), '\0\0\0\x18ftypisom\0\0\0\0');
    await writeFile(join(root, 'jxl.bin'), '\0\0\0\x0cJXL \r\n');
    await writeFile(join(root, 'layers.psd'), '8BPS\0\x01');
    await writeFile(join(root, 'notes.txt'), 'no photo');
    const found = ['IMG_0001', 'a.jpg.bak', 'jxl.bin', 'photo.mp4', 'scan', 'shot', 'web'];
    const { files, skipped } = await walk(root);
    expect([files.map(({ path }) => path), skipped]).toEqual([found, []]);
  });

  it('mentions every file that is a photo by its name, whatever the maker or the time', async () => {
    const endings =
      'jxl jp2 bmp tga pgm heics avifs crw mrw x3f pef srw 3fr iiq nrw rwl erf kdc dcr mef mos sr2 fff'.split(' ');
    for (const ending of endings) await writeFile(join(root, `A.${ending.toUpperCase()}`), 'x');
    expect((await walk(root)).files).toHaveLength(endings.length);
  });

  it('says in words of a folder so deep that its path is too long', async () => {
    // Made from the inside out: no call takes the whole path.
    let folder = join(root, 'deep');
    await mkdir(folder);
    for (let depth = 0; depth < 20; depth += 1) {
      const outer = await mkdtemp(join(root, 'outer-'));
      await rename(folder, join(outer, 'x'.repeat(250)));
      folder = outer;
    }
    const { failed, files } = await walk(root);
    expect(files).toEqual([]);
    expect(failed.map(({ reason }) => reason)).toEqual([
      'the folder cannot be listed (its path is longer than the system takes)',
    ]);
    // Node itself cannot remove what no path leads to.
    execFileSync('rm', ['-rf', root]);
  });

  it('leaves out the thumbnail of a film, and says so', async () => {
    await writeFile(join(root, 'MVI_1.THM'), Buffer.from([0xff, 0xd8, 0xff, 0xe1]));
    const { files, skipped } = await walk(root);
    expect(files).toEqual([]);
    expect(skipped).toEqual([{ path: 'MVI_1.THM', reason: 'thumbnail of a film or RAW file' }]);
  });

  it.skipIf(process.getuid?.() === 0)('goes on past a folder that may not be listed, and says so', async () => {
    await mkdir(join(root, 'locked'));
    await writeFile(join(root, 'open.jpg'), 'x');
    await chmod(join(root, 'locked'), 0);
    const { files, failed, unlisted } = await walk(root);
    expect(files.map(({ path }) => path)).toEqual(['open.jpg']);
    expect(failed).toEqual([
      { path: 'locked', code: 'unreadable', reason: 'the folder cannot be listed (permission denied)' },
    ]);
    expect(unlisted).toEqual(['locked']);
  });

  it.skipIf(process.platform === 'win32')('waits for no ignore file that is a pipe, a device or a loop', async () => {
    for (const folder of ['pipe', 'device', 'loop', 'folder']) {
      await mkdir(join(root, folder));
      await writeFile(join(root, folder, 'x.jpg'), 'x');
    }
    execFileSync('mkfifo', [join(root, 'pipe/.curateignore')]);
    await symlink('/dev/zero', join(root, 'device/.curateignore'));
    await symlink('.curateignore', join(root, 'loop/.curateignore'));
    await mkdir(join(root, 'folder/.curateignore'));
    const { files } = await walk(root);
    expect(files.map(({ path }) => path)).toEqual(['device/x.jpg', 'folder/x.jpg', 'loop/x.jpg', 'pipe/x.jpg']);
  });

  it('ignores names in either Unicode form: disks have one, and people type the other', async () => {
    await mkdir(join(root, 'Ku\u0308che'));
    for (const name of ['Ku\u0308che/a.jpg', 'b.jpg', 'cafe\u0301.jpg']) await writeFile(join(root, name), 'x');
    await writeFile(join(root, '.curateignore'), 'caf\u00e9.jpg\n');
    expect((await walk(root, { ignore: ['K\u00fcche/'] })).files.map(({ path }) => path)).toEqual(['b.jpg']);
  });

  it('obeys the ignore files above the folder it starts in', async () => {
    await mkdir(join(root, 'a/b'), { recursive: true });
    await writeFile(join(root, '.curateignore'), 'b/x.jpg\n');
    await writeFile(join(root, 'a/b/x.jpg'), 'x');
    await writeFile(join(root, 'a/b/y.jpg'), 'x');
    await writeFile(join(root, 'a/.curateignore'), 'x.jpg\n');
    expect((await walk(root, { folder: 'a/b' })).files.map(({ path }) => path)).toEqual(['a/b/y.jpg']);
  });
});
