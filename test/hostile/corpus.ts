import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { flat } from './bytes.ts';
import { contents } from './contents.ts';
import type { Expectation, Hostile, HostileFile } from './expectation.ts';
import { named, names } from './names.ts';

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
