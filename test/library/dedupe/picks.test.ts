import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../../../src/files/transfer/journal.ts';
import { replaceFile } from '../../../src/files/transfer/replace.ts';
import { undoMoves } from '../../../src/files/transfer/undo.ts';
import { undoMoved } from '../../../src/library/act/act.ts';
import type { Group, GroupPhoto } from '../../../src/library/dedupe/groups.ts';
import { sidecarsOf, writePicks } from '../../../src/library/dedupe/picks.ts';
import { Killed, ModelDisk } from '../../files/model-disk.ts';

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-picks-')));
  await mkdir(join(home, 'photos/trip'), { recursive: true });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const signal = new AbortController().signal;
const at = (name: string): string => join(home, 'photos/trip', name);
const frame = (name: string, more: Partial<GroupPhoto> = {}): GroupPhoto => ({
  file: at(name),
  path: `trip/${name}`,
  files: [at(name)],
  bytes: 1,
  freed: 1,
  sha256: '',
  width: 1,
  height: 1,
  reason: '',
  isNew: false,
  frame: null,
  rating: null,
  ...more,
});
const burst = (keeper: GroupPhoto, ...alsoKept: readonly GroupPhoto[]): Group => ({
  kind: 'burst',
  keeper,
  alsoKept,
  others: [],
  kept: [],
  agreed: null,
  warnings: [],
  isLarge: false,
});
const write = (groups: readonly Group[], folder: string | null = null) =>
  writePicks(groups, folder, { journals: join(home, 'undo'), signal, now: () => new Date(), onDone: () => undefined });

const XMP = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Füssen"/>
</rdf:RDF></x:xmpmeta>`;

it('writes picks beside photos, merges what is there, and takes all of it back', async () => {
  await writeFile(at('b.jpg.xmp'), XMP);
  const groups = [burst(frame('a.jpg'), frame('b.jpg', { files: [at('b.jpg'), at('b.jpg.xmp')] }))];
  const { written, failed, undo } = await write(groups);
  expect({ written, failed }).toEqual({ written: [at('a.jpg.xmp'), at('b.jpg.xmp')], failed: [] });
  expect(await readFile(at('a.jpg.xmp'), 'utf8')).toContain('xmp:Rating="5"');
  expect(await readFile(at('b.jpg.xmp'), 'utf8')).toMatch(/City="Füssen"[\s\S]*xmpDM:pick="1"[\s\S]*xmp:Rating="4"/);
  expect((await write(groups)).undo).toBeNull();
  const back = await undoMoved(home, undo ?? '', signal);
  expect(back).toEqual({ restored: [], rewritten: [at('b.jpg.xmp'), at('a.jpg.xmp')], failed: [] });
  expect(await readdir(join(home, 'photos/trip'))).toEqual(['b.jpg.xmp']);
  expect(await readFile(at('b.jpg.xmp'), 'utf8')).toBe(XMP);
});

it('writes into a folder of its own what the sidecars beside the photos say, too, and leaves those alone', async () => {
  await writeFile(at('a.xmp'), XMP);
  const folder = join(home, 'sidecars');
  const { written } = await write([burst(frame('a.cr2', { files: [at('a.cr2'), at('a.xmp')], rating: 3 }))], folder);
  expect(written).toEqual([join(folder, 'trip/a.xmp')]);
  const text = await readFile(join(folder, 'trip/a.xmp'), 'utf8');
  expect(text).toMatch(/City="Füssen"[\s\S]*pick="1"/);
  expect(text).not.toContain('Rating');
  expect(await readFile(at('a.xmp'), 'utf8')).toBe(XMP);
});

it('picks nothing that was rejected in the photo itself', async () => {
  const rejected = frame('a.jpg', { rating: -1 });
  expect(await write([burst(rejected, frame('b.jpg'))])).toMatchObject({ written: [at('b.jpg.xmp')], failed: [] });
});

it('leaves a sidecar that it cannot read, and says so', async () => {
  await writeFile(at('a.jpg.xmp'), Buffer.from([0xff, 0xfe, 0x3c, 0x00]));
  await writeFile(at('b.jpg.xmp'), 'stars: 5');
  const { written, failed, undo } = await write([burst(frame('a.jpg'), frame('b.jpg'))]);
  expect({ written, undo }).toEqual({ written: [], undo: null });
  expect(failed).toEqual(
    ['a.jpg.xmp', 'b.jpg.xmp'].map((name) => ({
      path: at(name),
      reason: 'its sidecar is no XMP that can be read',
    })),
  );
  expect(await readFile(at('b.jpg.xmp'), 'utf8')).toBe('stars: 5');
});

it('leaves a sidecar alone that is read-only, and keeps the permissions of any other', async () => {
  await writeFile(at('a.jpg.xmp'), XMP, { mode: 0o444 });
  await writeFile(at('b.jpg.xmp'), XMP, { mode: 0o600 });
  const { written, failed } = await write([burst(frame('a.jpg'), frame('b.jpg'))]);
  expect(failed).toEqual([{ path: at('a.jpg.xmp'), reason: 'it is read-only' }]);
  expect(await readFile(at('a.jpg.xmp'), 'utf8')).toBe(XMP);
  expect(written).toEqual([at('b.jpg.xmp')]);
  expect((await stat(at('b.jpg.xmp'))).mode & 0o777).toBe(0o600);
});

it('does not undo what somebody has changed since', async () => {
  const { undo } = await write([burst(frame('a.jpg'))]);
  await writeFile(at('a.jpg.xmp'), XMP);
  const { failed } = await undoMoved(home, undo ?? '', signal);
  expect(failed).toEqual([{ path: at('a.jpg.xmp'), reason: 'it was changed after it was written' }]);
  expect(await readFile(at('a.jpg.xmp'), 'utf8')).toBe(XMP);
});

describe('the names of sidecars', () => {
  it('are those that are there, or those where programs look', () => {
    const names = (...files: string[]): string[] => sidecarsOf({ file: files[0] ?? '', files });
    expect(names('/a.jpg')).toEqual(['/a.jpg.xmp']);
    expect(names('/a.cr2')).toEqual(['/a.xmp']);
    expect(names('/a.jpg', '/a.cr2')).toEqual(['/a.xmp']);
    expect(names('/a.jpg', '/a.xmp')).toEqual(['/a.xmp']);
    expect(names('/a.cr2', '/a.cr2.xmp', '/a_01.cr2.xmp')).toEqual(['/a.cr2.xmp', '/a.xmp']);
    expect(names('/a.cr2', '/A.XMP')).toEqual(['/A.XMP']);
  });
});

it('leaves the old sidecar or the new one when killed at any step, and undoing puts back the old one', async () => {
  for (const former of ['the former', null]) {
    for (const torn of [false, true]) {
      for (let steps = 1; ; steps += 1) {
        const disk = new ModelDisk(former === null ? {} : { '/p/a.xmp': former }, { steps, torn });
        let isKilled = false;
        try {
          const journal = await Journal.begin(disk, '/undo', new Date(0));
          await replaceFile(disk, journal, { file: '/p/a.xmp', text: 'the new one' });
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
          isKilled = true;
        }
        expect([former ?? undefined, 'the new one']).toContain(disk.contents().get('/p/a.xmp'));
        const later = new ModelDisk(disk.files);
        const [id] = (await later.names('/undo')).filter((name) => name.endsWith('.jsonl'));
        if (id !== undefined) {
          expect((await undoMoves(later, '/undo', id.replace('.jsonl', ''), signal)).failed).toEqual([]);
          expect(later.contents().get('/p/a.xmp')).toBe(former ?? undefined);
          expect(await later.names('/p')).toEqual(former === null ? [] : ['a.xmp']);
        }
        if (!isKilled) break;
      }
    }
  }
});
