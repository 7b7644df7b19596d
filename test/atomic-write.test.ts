import { randomUUID } from 'node:crypto';
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Draft, writeNew, writeWhole } from '../src/files/atomic-write.ts';

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'curate-write-'));
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'case-'));
});
afterAll(() => rm(root, { recursive: true }));

const at = (name: string): string => join(folder, name);

describe('a new file', () => {
  it('is written whole, and never over anything', async () => {
    expect(await writeNew(at('a.png'), 'first')).toBe(true);
    expect(await writeNew(at('a.png'), 'second')).toBe(false);
    expect(await readFile(at('a.png'), 'utf8')).toBe('first');
    expect(await readdir(folder)).toEqual(['a.png']);
  });

  it('has one writer, however many want the name at once', async () => {
    const wins = await Promise.all(Array.from({ length: 8 }, (_, i) => writeNew(at('a.png'), `${i}`)));
    expect(wins.filter((won) => won)).toHaveLength(1);
    expect(await readFile(at('a.png'), 'utf8')).toBe(`${wins.indexOf(true)}`);
    expect(await readdir(folder)).toEqual(['a.png']);
  });

  it.skipIf(process.platform === 'win32')(
    'does not take the name of a link, not even of one that dangles',
    async () => {
      await symlink(at('nowhere'), at('a.png'));
      expect(await writeNew(at('a.png'), 'x')).toBe(false);
      expect(await readdir(folder)).toEqual(['a.png']);
    },
  );

  it('leaves nothing behind when it cannot be written', async () => {
    await expect(writeNew(at('missing/a.png'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a file that is replaced', () => {
  it('keeps its content until the new one is whole', async () => {
    await writeFile(at('a.json'), 'old');
    const draft = await Draft.open(at('a.json'));
    await draft.handle.writeFile('new');
    expect(await readFile(at('a.json'), 'utf8')).toBe('old');
    await draft.publish();
    expect(await readFile(at('a.json'), 'utf8')).toBe('new');
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it('writes what comes in parts, one behind the other', async () => {
    await writeWhole(at('parts.bin'), [Buffer.from('one '), new Uint8Array(0), Buffer.from('two')]);
    expect(await readFile(at('parts.bin'), 'utf8')).toBe('one two');
  });

  it('keeps its content when the new one is given up', async () => {
    await writeFile(at('a.json'), 'old');
    const draft = await Draft.open(at('a.json'));
    await draft.handle.writeFile('new');
    await draft.abandon();
    expect(await readFile(at('a.json'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it.skipIf(process.platform === 'win32')('stays a link when it is one', async () => {
    await writeFile(at('real.json'), 'old');
    await symlink(at('real.json'), at('link.json'));
    await writeWhole(at('link.json'), 'new');
    expect((await lstat(at('link.json'))).isSymbolicLink()).toBe(true);
    expect(await readFile(at('real.json'), 'utf8')).toBe('new');
  });
});

it('clears the drafts of killed runs, but none that is being written, nor what is not its own', async () => {
  const place = await mkdtemp(join(tmpdir(), 'curate-drafts-'));
  try {
    const abandoned = `.curate-${randomUUID()}.part`;
    await writeFile(join(place, abandoned), 'half');
    await writeFile(join(place, '.curate-notes.part'), 'not a draft');
    const draft = await Draft.open(join(place, 'a.png'));
    await draft.handle.writeFile('whole');
    // Whatever is written next clears its folder.
    await writeWhole(join(place, 'b.json'), '{}');
    const left = await readdir(place);
    expect(left).not.toContain(abandoned);
    expect(left).toContain('.curate-notes.part');
    await draft.publish();
    expect((await readdir(place)).sort()).toEqual(['.curate-notes.part', 'a.png', 'b.json']);
  } finally {
    await rm(place, { recursive: true });
  }
});
