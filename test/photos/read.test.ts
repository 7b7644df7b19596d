import { execFileSync } from 'node:child_process';
import { appendFileSync, truncateSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPhotoFile } from '../../src/photos/read.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-read-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function faultOf(file: string): Promise<string> {
  const result = await readPhotoFile(file);
  return result.kind === 'fault' ? `${result.fault.code}: ${result.fault.reason}` : 'read';
}

test('a file is read whole, with the size and time it has', async () => {
  const file = join(folder, 'a "quoted"\nname 📷.jpg');
  await writeFile(file, 'some bytes');
  await utimes(file, 1_700_000_000.25, 1_700_000_000.25);
  const read = await readPhotoFile(file);
  expect(read).toMatchObject({ kind: 'file', size: 10, mtimeMs: 1_700_000_000_250 });
  expect(read.kind === 'file' && Buffer.from(read.bytes).toString()).toBe('some bytes');
});

test('a name longer than any file system holds is that of no file', async () => {
  expect(await faultOf(join(folder, 'a'.repeat(5000)))).toBe('not_found: does not exist');
});

test('a link is followed, to what it leads to or to nowhere', async () => {
  await writeFile(join(folder, 'a.jpg'), 'some bytes');
  await symlink('a.jpg', join(folder, 'link.jpg'));
  await symlink('nowhere.jpg', join(folder, 'dangling.jpg'));
  await symlink('loop.jpg', join(folder, 'loop.jpg'));
  expect(await faultOf(join(folder, 'link.jpg'))).toBe('read');
  expect(await faultOf(join(folder, 'dangling.jpg'))).toBe('not_found: does not exist');
  expect(await faultOf(join(folder, 'loop.jpg'))).toBe('unreadable: is a link that leads back to itself');
});

test('what is no file is never opened', async () => {
  const pipe = join(folder, 'pipe.jpg');
  execFileSync('mkfifo', [pipe]);
  expect(await faultOf(pipe)).toBe('not_a_file: is a named pipe, not a file');
  await symlink('pipe.jpg', join(folder, 'link.jpg'));
  expect(await faultOf(join(folder, 'link.jpg'))).toBe('not_a_file: is a named pipe, not a file');
  await mkdir(join(folder, 'folder.jpg'));
  expect(await faultOf(join(folder, 'folder.jpg'))).toBe('not_a_file: is a folder, not a file');
  const server = createServer();
  await new Promise<void>((ready) => server.listen(join(folder, 'socket.jpg'), ready));
  expect(await faultOf(join(folder, 'socket.jpg'))).toBe('not_a_file: is a socket, not a file');
  await new Promise((done) => server.close(done));
  expect(await faultOf('/dev/null')).toBe('not_a_file: is a device, not a file');
});

test('an empty file is told from one that is not there', async () => {
  await writeFile(join(folder, 'empty.jpg'), '');
  expect(await faultOf(join(folder, 'empty.jpg'))).toBe('empty: is empty');
  expect(await faultOf(join(folder, 'none.jpg'))).toBe('not_found: does not exist');
  expect(await faultOf(join(folder, 'empty.jpg', 'below.jpg'))).toBe('not_found: does not exist');
});

test('a sparse file of several gigabytes is refused unread', async () => {
  const file = join(folder, 'huge.tif');
  await writeFile(file, '');
  truncateSync(file, 5_000_000_000);
  expect(await faultOf(file)).toBe('too_large: has 5.0 GB, more than a photo of 1 GB');
});

test('bytes that change while they are read are not trusted', async () => {
  let size = 300_000_000;
  for (const change of [(file: string) => appendFileSync(file, 'more'), (file: string) => truncateSync(file, --size)]) {
    const file = join(folder, 'changing.jpg');
    await writeFile(file, '');
    truncateSync(file, size);
    // Again and again, so that some change falls between opening the file and the end of reading it.
    const timer = setInterval(change, 1, file);
    expect(await faultOf(file)).toBe('changing: changed while it was read');
    clearInterval(timer);
  }
});
