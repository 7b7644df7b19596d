import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EmbedRequest, EmbedResult } from '../../src/embedding/port.ts';
import type { IndexDeps, IndexRequest } from '../../src/library/index/index-photos.ts';
import { forgetLibrary, repairStore } from '../../src/library/libraries.ts';
import { openMachine, ownId, sharedId } from '../../src/library/machine.ts';
import { photoId } from '../../src/library/paths.ts';
import { searchVector } from '../../src/library/vector-search.ts';
import { HashEmbedder } from '../support/hash-embedder.ts';
import { TestMachine } from '../support/machines.ts';
import { MemoryStore } from '../support/memory-store.ts';

let disk: string;
let store: MemoryStore;
let a: TestMachine;
let b: TestMachine;
beforeEach(async () => {
  disk = await realpath(await mkdtemp(join(tmpdir(), 'curate-machines-')));
  store = new MemoryStore('server');
  a = new TestMachine('a', disk, store);
  b = new TestMachine('b', disk, store);
});
afterEach(() => rm(disk, { recursive: true, force: true }));

async function fill(machine: TestMachine, folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await machine.put(`${folder}/${name}.jpg`, name);
}

/** Every row there is. */
const stored = () => [...store.tables()].flatMap((table) => [...table.stored.values()]);

describe('one machine', () => {
  const uris = ['http://nas:19530', 'http://192.168.1.5:19530', 'http://localhost:8000'] as const;
  /** The same machine, by another name of the server. */
  const by = (uri: string, at: MemoryStore = store) => new TestMachine('a', disk, at, { uri });

  it('knows by a second name of the server what it knew by the first', async () => {
    await fill(a, 'Photos', ['one', 'two', 'three', 'four']);
    await a.indexFolder(['Photos'], 'family');
    // Another machine adds what was never here, and must not leave with it.
    await cp(a.at('Photos'), b.at('Photos'), { recursive: true, preserveTimestamps: true });
    await fill(b, 'Photos', ['five']);
    await b.indexFolder(['Photos'], 'family');
    for (const uri of uris) {
      const again = by(uri);
      expect(await again.machine.roots()).toEqual(await a.machine.roots());
      expect((await again.indexFolder([])).libraries).toMatchObject([{ photos: 5, unchanged: 4, removed: 0 }]);
      expect(again.events.filter(({ kind }) => kind === 'never-here')).toHaveLength(1);
    }
    await by(uris[1]).delete('Photos/one.jpg');
    expect((await by(uris[1]).indexFolder([])).libraries).toMatchObject([{ photos: 4, removed: 1 }]);
    expect(await a.found()).toHaveLength(4);
  });

  it('keeps two servers apart that have one name at different times', async () => {
    const other = new MemoryStore('server');
    await fill(a, 'Photos', ['one', 'two']);
    await fill(a, 'Work', ['three']);
    for (const _ of [1, 2]) {
      await a.indexFolder(['Photos'], 'family');
      const there = by(uris[0], other);
      await there.indexFolder(['Work'], 'family');
      expect([...(await a.machine.roots()).values()]).toEqual([a.at('Photos')]);
      expect([...(await there.machine.roots()).values()]).toEqual([a.at('Work')]);
    }
  });

  it('finds by any name of the server what it noted before servers were known by more than their names', async () => {
    const earlier = openMachine({ paths: pathsOf('a'), milvusUri: uris[0] });
    await earlier.keep(sharedId('family'), a.at('Photos'));
    await store.putLibrary({ id: sharedId('family'), name: 'family', root: '' });
    await fill(a, 'Photos', ['one']);
    // It was reached by another name first since.
    await by(uris[1]).machine.bind();
    const roots = new Map([[sharedId('family'), a.at('Photos')]]);
    await a.machine.bind();
    for (const uri of uris) expect(await by(uri).machine.roots()).toEqual(roots);
  });
});

function pathsOf(machine: string) {
  const home = join(disk, machine, 'curate');
  return { config: home, data: join(home, 'data'), cache: join(home, 'cache') };
}

describe('two machines', () => {
  it('whose folders have one path and other photos never meet', async () => {
    const [mine, yours] = [await a.machine.id(), await b.machine.id()];
    expect(ownId(mine, '/home/me/Pictures')).not.toBe(ownId(yours, '/home/me/Pictures'));
    await fill(a, 'Pictures', ['one', 'two']);
    await fill(b, 'Pictures', ['three']);
    await a.indexFolder(['Pictures']);
    await b.indexFolder(['Pictures']);
    const apart = { library: { name: 'Pictures-2' }, other: { name: 'Pictures' } };
    expect(b.events.find(({ kind }) => kind === 'apart')).toMatchObject(apart);
    const { libraries } = await a.indexFolder(['Pictures']);
    expect(libraries).toMatchObject([{ name: 'Pictures', photos: 2, unchanged: 2, removed: 0 }]);
    expect(await a.found()).toEqual(
      ['Pictures-2:/three.jpg', a.at('Pictures/one.jpg'), a.at('Pictures/two.jpg')].sort(),
    );
    expect(await b.found()).toEqual(['Pictures:/one.jpg', 'Pictures:/two.jpg', b.at('Pictures/three.jpg')].sort());
    const [away] = (await b.find()).filter(({ libraryName }) => libraryName === 'Pictures');
    expect(away).toMatchObject({ mounted: false, available: false });
  });

  it('keep copies apart from their originals: nothing has moved', async () => {
    await fill(a, 'Photos', ['one', 'two']);
    await a.indexFolder(['Photos']);
    await fill(b, 'Copies', ['one', 'two']);
    const { libraries } = await b.indexFolder(['Copies']);
    expect(libraries).toMatchObject([{ photos: 2, added: 2, moved: 0 }]);
    expect(b.embedder.embedded).toBe(0);
    expect(stored()).toHaveLength(4);
    expect((await a.indexFolder(['Photos'])).libraries).toMatchObject([{ unchanged: 2, removed: 0 }]);
  });

  it('share photos by the name of their library, each once, wherever they are mounted', async () => {
    await fill(a, 'Photos', ['one', 'two', 'three']);
    await a.indexFolder(['Photos'], 'family');
    await cp(a.at('Photos'), b.at('nas/Bilder'), { recursive: true, preserveTimestamps: true });
    const { libraries } = await b.indexFolder(['nas/Bilder'], 'family');
    expect(libraries).toMatchObject([{ name: 'family', photos: 3, unchanged: 3, added: 0, removed: 0 }]);
    expect(stored()).toHaveLength(3);
    expect(await b.found()).toEqual(['one', 'three', 'two'].map((name) => b.at(`nas/Bilder/${name}.jpg`)));
    expect(await a.found()).toEqual(['one', 'three', 'two'].map((name) => a.at(`Photos/${name}.jpg`)));
    // From now on the folder is known, and what happens there happens to both.
    await b.put('nas/Bilder/four.jpg', 'four');
    await b.delete('nas/Bilder/one.jpg');
    expect((await b.indexFolder([])).libraries).toMatchObject([{ photos: 3, added: 1, removed: 1 }]);
    expect(await a.found()).toEqual(['four', 'three', 'two'].map((name) => a.at(`Photos/${name}.jpg`)));
  });

  it('join a library that was made without a name to share it by, and keep its rows', async () => {
    await fill(a, 'Photos', ['one', 'two']);
    await a.indexFolder(['Photos']);
    await cp(a.at('Photos'), b.at('mnt'), { recursive: true });
    expect((await b.indexFolder(['mnt'], 'Photos')).libraries).toMatchObject([{ photos: 2, unchanged: 2 }]);
    expect(stored()).toHaveLength(2);
  });

  it('refuse to join with a folder that does not hold the photos, and change nothing', async () => {
    await fill(a, 'Photos', ['one', 'two', 'three']);
    await a.indexFolder(['Photos'], 'family');
    await fill(b, 'Photos', ['one', 'four', 'five']);
    const before = stored();
    await expect(b.indexFolder(['Photos'], 'family')).rejects.toMatchObject({
      code: 'library_unproved',
      kind: 'refused',
      message: expect.stringContaining('1 of 3 were found there'),
      hint: expect.stringContaining('--library OTHER-NAME'),
    });
    expect(stored()).toEqual(before);
    expect((await b.machine.roots()).size).toBe(0);
  });

  it('that have different parts of a library see the union, and remove only what was theirs', async () => {
    await fill(a, 'Photos', ['one', 'two', 'three', 'four']);
    await a.indexFolder(['Photos'], 'family');
    await fill(b, 'Part', ['one', 'two', 'three', 'five']);
    await b.put('Part/moved/four.jpg', 'four');
    const preview = await b.indexFolder(['Part'], 'family', { dryRun: true });
    expect(preview.libraries).toMatchObject([{ photos: 6, added: 2, moved: 0, removed: 0 }]);
    expect(b.events).toContainEqual({ kind: 'never-here', library: expect.anything(), photos: 1 });
    const union = [
      'family:five.jpg',
      'family:four.jpg',
      'family:moved/four.jpg',
      'family:one.jpg',
      'family:three.jpg',
      'family:two.jpg',
    ];
    const paths = () =>
      stored()
        .map(({ path }) => `family:${path}`)
        .sort();
    for (const machine of [b, a, b, a]) {
      const roots = machine === b && (await b.machine.roots()).size === 0 ? ['Part'] : [];
      const { libraries } = await machine.indexFolder(roots, roots.length > 0 ? 'family' : undefined);
      expect(libraries).toMatchObject([{ photos: 6, moved: 0, removed: 0 }]);
      expect(paths()).toEqual(union);
    }
    expect(a.embedder.embedded + b.embedder.embedded).toBe(5);
    // What was here and is not any more goes; where another machine has it, that one brings it back.
    await b.delete('Part/five.jpg');
    await b.delete('Part/one.jpg');
    expect((await b.indexFolder([])).libraries).toMatchObject([{ photos: 4, removed: 2 }]);
    expect((await a.indexFolder([])).libraries).toMatchObject([{ photos: 5, added: 1 }]);
    expect((await b.indexFolder([])).libraries).toMatchObject([{ photos: 5, removed: 0 }]);
    // A machine that is gone for good took photos with it.
    const { libraries } = await b.indexFolder([], undefined, { prune: true });
    expect(libraries).toMatchObject([{ photos: 3, removed: 2 }]);
  });

  it('forget a file that moved or left once its row is gone: another machine may have one of its name', async () => {
    const names = ['one', 'two', 'three', 'four', 'five'];
    await fill(a, 'Photos', names);
    await a.indexFolder(['Photos'], 'family');
    await cp(a.at('Photos'), b.at('Photos'), { recursive: true, preserveTimestamps: true });
    await b.indexFolder(['Photos'], 'family');
    // Its row goes with the move, though the other machine has the file, which brings it back.
    await mkdir(b.at('Photos/new'));
    await rename(b.at('Photos/one.jpg'), b.at('Photos/new/one.jpg'));
    expect((await b.indexFolder([])).libraries).toMatchObject([{ photos: 5, moved: 1 }]);
    expect((await a.indexFolder([])).libraries).toMatchObject([{ photos: 6, added: 1 }]);
    expect((await b.indexFolder([])).libraries).toMatchObject([{ photos: 6, removed: 0 }]);
    // Both delete a photo; the one that notices first takes the row out.
    for (const machine of [a, b]) await machine.delete('Photos/two.jpg');
    expect((await a.indexFolder([])).libraries).toMatchObject([{ photos: 5, removed: 1 }]);
    expect((await b.indexFolder([])).libraries).toMatchObject([{ photos: 5, removed: 0 }]);
    await a.put('Photos/two.jpg', 'another one');
    expect((await a.indexFolder([])).libraries).toMatchObject([{ photos: 6, added: 1 }]);
    expect((await b.indexFolder([])).libraries).toMatchObject([{ photos: 6, removed: 0 }]);
  });

  it('keep in mind what was on a drive while it is away', async () => {
    await fill(a, 'Photos', ['one', 'two', 'three']);
    await a.indexFolder(['Photos'], 'family');
    await rename(a.at('Photos'), a.at('away'));
    await mkdir(a.at('Photos'));
    await a.indexFolder([]);
    await rm(a.at('Photos'), { recursive: true });
    await rename(a.at('away'), a.at('Photos'));
    await a.delete('Photos/two.jpg');
    expect((await a.indexFolder([])).libraries).toMatchObject([{ photos: 2, removed: 1 }]);
  });

  it('remove nothing of a library where another drive is in its place', async () => {
    await fill(a, 'Photos', ['one', 'two', 'three']);
    await a.indexFolder(['Photos'], 'family');
    await rename(a.at('Photos'), a.at('away'));
    await fill(a, 'Photos', ['four']);
    expect((await a.indexFolder([])).libraries).toMatchObject([{ photos: 4, added: 1, removed: 0 }]);
    expect(a.events).toContainEqual(
      expect.objectContaining({ kind: 'kept', photos: 3, reason: expect.stringContaining('none of its photos') }),
    );
    expect((await a.indexFolder([], undefined, { prune: true })).libraries).toMatchObject([{ photos: 1 }]);
  });

  it('take nothing out of a library whose drive is away, though its folder is there', async () => {
    const names = ['one', 'two', 'three'];
    await fill(a, 'Photos', names);
    await a.indexFolder(['Photos'], 'family');
    await cp(a.at('Photos'), b.at('mnt'), { recursive: true, preserveTimestamps: true });
    await b.indexFolder(['mnt'], 'family');
    for (const name of names) await b.delete(`mnt/${name}.jpg`);
    await fill(b, 'Copies', names);
    const preview = await b.indexFolder(['Copies'], undefined, { dryRun: true });
    expect(preview.libraries).toMatchObject([{ added: 3, moved: 0 }]);
    expect((await b.indexFolder(['Copies'])).libraries).toMatchObject([{ photos: 3, added: 3, moved: 0 }]);
    expect((await a.indexFolder([])).libraries).toMatchObject([{ unchanged: 3 }]);
    // Once it is here again, what is gone from it has moved.
    await fill(b, 'mnt', ['one', 'two']);
    await fill(b, 'Taken', ['three']);
    expect((await b.indexFolder(['Taken'])).libraries).toMatchObject([{ photos: 1, moved: 1 }]);
    expect(a.embedder.embedded + b.embedder.embedded).toBe(3);
  });

  it('that make one library at once make one', async () => {
    for (const machine of [a, b]) await fill(machine, 'Photos', ['one', 'two']);
    await Promise.all([a.indexFolder(['Photos'], 'family'), b.indexFolder(['Photos'], 'family')]);
    expect(await store.libraries()).toMatchObject([{ id: sharedId('family'), name: 'family' }]);
    expect(stored()).toHaveLength(2);
    expect(a.embedder.embedded + b.embedder.embedded).toBe(2);
    const waited = [...a.events, ...b.events].filter(({ kind }) => kind === 'leased');
    expect(waited).toMatchObject([{ lease: { holder: expect.stringMatching(/^[ab] \(process 1\)$/) } }]);
  });

  it('that make one library at once of different photos do not: the second is refused', async () => {
    await fill(a, 'Photos', ['one', 'two']);
    await fill(b, 'Photos', ['three', 'four']);
    const runs = await Promise.allSettled([a.indexFolder(['Photos'], 'family'), b.indexFolder(['Photos'], 'family')]);
    expect(runs.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(runs.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'library_unproved' } });
    expect(stored()).toHaveLength(2);
    expect((await a.machine.roots()).size + (await b.machine.roots()).size).toBe(1);
    expect((await store.libraries()).filter(({ lease }) => lease !== undefined)).toEqual([]);
  });

  it('take a library of their own over when it gets a name to share, and embed nothing', async () => {
    await fill(a, 'Photos', ['one', 'two']);
    await a.indexFolder(['Photos']);
    const { libraries } = await a.indexFolder(['Photos'], 'family');
    expect(libraries).toMatchObject([{ name: 'family', photos: 2, removed: 0 }]);
    expect(await store.libraries()).toMatchObject([{ id: sharedId('family') }]);
    expect(a.embedder.embedded).toBe(2);
    expect(stored()).toHaveLength(2);
  });

  it('leave alone what they do not have: an index of everything is one of what is here', async () => {
    await fill(a, 'Photos', ['one']);
    await a.indexFolder(['Photos']);
    await expect(b.indexFolder([])).rejects.toMatchObject({
      code: 'libraries_elsewhere',
      hint: expect.stringContaining('--library NAME'),
    });
    await fill(b, 'Trips', ['two']);
    await b.indexFolder(['Trips']);
    expect((await b.indexFolder([])).libraries).toMatchObject([{ name: 'Trips', unchanged: 1 }]);
    expect(stored()).toHaveLength(2);
  });

  it('see the photos of a library where they say it is', async () => {
    await fill(a, 'Photos', ['one']);
    await a.indexFolder(['Photos'], 'Family NAS');
    const viewer = new TestMachine('c', disk, store, { roots: { family_nas: a.at('Photos') } });
    expect(await viewer.find()).toMatchObject([{ file: a.at('Photos/one.jpg'), mounted: true, available: true }]);
    // What is only said is proved before a run believes it.
    const liar = new TestMachine('d', disk, store, { roots: { family_nas: a.at('curate') } });
    await expect(liar.indexFolder([])).rejects.toMatchObject({ code: 'libraries_elsewhere' });
    expect((await viewer.indexFolder([])).libraries).toMatchObject([{ unchanged: 1 }]);
  });

  it('move photos between their libraries, and tell each other so by the generations', async () => {
    await fill(a, 'one', ['x']);
    await fill(a, 'two', ['y']);
    await a.indexFolder(['one', 'two']);
    await rename(a.at('one/x.jpg'), a.at('two/x.jpg'));
    expect((await a.indexFolder(['two'])).libraries).toMatchObject([{ moved: 1, photos: 2 }]);
    expect((await store.libraries()).map(({ name, generation }) => [name, generation]).sort()).toEqual([
      ['one', 2],
      ['two', 2],
    ]);
    await a.indexFolder(['one', 'two']);
    expect((await store.libraries()).map(({ generation }) => generation)).toEqual([2, 2]);
    expect((await store.libraries()).filter(({ lease }) => lease !== undefined)).toEqual([]);
  });
});

/** Of files that hold "time|picture|bytes", where the time may be missing. */
class ReadingEmbedder extends HashEmbedder {
  override async embed(request: EmbedRequest): Promise<EmbedResult> {
    const result = await super.embed(request);
    if (result.kind !== 'embedded') return result;
    const [time = '', picture = ''] = (await readFile(request.file, 'utf8')).split('|');
    const vector = Float32Array.from([0, 1, 2, 3], (i) => (i === Number(picture) % 4 ? 1 : 0));
    return { kind: 'embedded', photo: { ...result.photo, takenMs: time === '' ? null : Number(time), vector } };
  }
}

/** `indexFolder` by such an embedder, of folders on a drive of their own. */
function read(
  machine: TestMachine,
  folders: readonly string[],
  library?: string,
  more: Partial<IndexDeps & IndexRequest> = {},
) {
  const onDrive = { isRemovable: async () => true, openEmbedder: async () => new ReadingEmbedder() };
  return machine.indexFolder(folders, library, { ...onDrive, ...more });
}

describe.each(['lite', 'server'] as const)('another drive in the place of a library, on %s', (kind) => {
  const names = [1, 2, 3, 4, 5].map((n) => `IMG_000${n}.jpg`);
  const others = [...names, 'IMG_0006.jpg'];
  /** Of a library that nobody else has, new names speak, too. */
  const seen = kind === 'lite' ? '6 of 6' : '5 of 5';
  /** Of photos taken from an hour on, each of another picture. */
  const fillFrom = async (machine: TestMachine, folder: string, files: readonly string[], hour: number) => {
    for (const [n, name] of files.entries()) await machine.put(`${folder}/${name}`, `${hour}0${n}|${hour + n}|`);
  };
  beforeEach(async () => {
    store = new MemoryStore(kind);
    a = new TestMachine('a', disk, store);
    b = new TestMachine('b', disk, store);
    await fillFrom(a, 'card', names, 1);
    await read(a, ['card'], 'first');
  });

  const swap = async (): Promise<void> => {
    await rename(a.at('card'), a.at('in the drawer'));
    await fillFrom(a, 'card', others, 2);
  };
  const swapBack = async (): Promise<void> => {
    await rename(a.at('card'), a.at('another drawer'));
    await rename(a.at('in the drawer'), a.at('card'));
  };

  it('overwrites nothing, though its files have the same names, and says what to do', async () => {
    const before = stored();
    await swap();
    for (const more of [{ dryRun: true }, {}]) {
      await expect(read(a, ['card'], undefined, more)).rejects.toMatchObject({
        code: 'library_replaced',
        kind: 'refused',
        message: expect.stringContaining(`${seen} that were looked at are none of its own`),
        hint: expect.stringContaining(`curate index "${a.at('card')}" --library OTHER-NAME`),
      });
    }
    await expect(read(a, [])).rejects.toMatchObject({ code: 'library_replaced' });
    expect(stored()).toEqual(before);
    await swapBack();
    expect((await read(a, [])).libraries).toMatchObject([{ photos: 5, unchanged: 5, removed: 0 }]);
  });

  it('takes nothing out where its files have other names, also with the next run', async () => {
    await rename(a.at('card'), a.at('in the drawer'));
    await fillFrom(a, 'card', ['DSC_1.jpg', 'DSC_2.jpg'], 2);
    // Nobody else has a part of what is in the embedded store: a drive there holds the library or another one.
    for (const _ of [1, 2]) {
      const run = read(a, []);
      if (kind === 'lite') await expect(run).rejects.toMatchObject({ code: 'library_replaced' });
      else expect((await run).libraries).toMatchObject([{ photos: 7, removed: 0 }]);
    }
    await swapBack();
    expect((await read(a, [])).libraries).toMatchObject([{ photos: 5, unchanged: 5 }]);
  });

  it('leaves no note of its files: another machine has some of the same names', async () => {
    if (kind === 'lite') return;
    await cp(a.at('card'), b.at('card'), { recursive: true });
    await b.put('card/IMG_0006.jpg', 'of the other machine');
    await read(b, ['card'], 'first');
    await swap();
    await expect(read(a, ['card'])).rejects.toMatchObject({ code: 'library_replaced' });
    await swapBack();
    expect((await read(a, ['card'])).libraries).toMatchObject([{ photos: 6, removed: 0 }]);
  });

  it('gets a library of its own under a name of its own, and each is found again in its turn', async () => {
    await swap();
    const { libraries } = await read(a, ['card'], 'second');
    expect(libraries).toMatchObject([{ name: 'second', photos: 6, added: 6, moved: 0, removed: 0 }]);
    const displaced = { kind: 'displaced', library: { name: 'first' }, by: { name: 'second' } };
    expect(a.events.find((event) => event.kind === 'displaced')).toMatchObject(displaced);
    expect(await a.found()).toEqual(
      [...names.map((name) => `first:/${name}`), ...others.map((name) => a.at(`card/${name}`))].sort(),
    );
    await swapBack();
    await expect(read(a, [])).rejects.toMatchObject({ code: 'library_replaced' });
    expect((await read(a, ['card'], 'first')).libraries).toMatchObject([{ name: 'first', unchanged: 5 }]);
    expect(await a.found()).toEqual(
      [...names.map((name) => a.at(`card/${name}`)), ...others.map((name) => `second:/${name}`)].sort(),
    );
  });

  it('is left out when everything is indexed, and the others are not', async () => {
    await fill(a, 'Photos', ['one']);
    await read(a, ['Photos']);
    await swap();
    await fill(a, 'Photos', ['two']);
    const { libraries } = await read(a, []);
    expect(libraries).toContainEqual(expect.objectContaining({ name: 'Photos', photos: 2, added: 1 }));
    expect(libraries).toContainEqual(expect.objectContaining({ name: 'first', photos: 5, updated: 0 }));
    expect(a.events).toContainEqual(
      expect.objectContaining({ kind: 'replaced', reason: expect.stringContaining(seen) }),
    );
  });

  it('takes the names over when told that the former photos are gone', async () => {
    await swap();
    const { libraries } = await read(a, ['card'], undefined, { prune: true });
    expect(libraries).toMatchObject([{ photos: 6, added: 1, updated: 5 }]);
  });

  it('is told from a part of the library that was edited whole', async () => {
    await fillFrom(a, 'card/trip', names, 8);
    await read(a, ['card']);
    for (const name of names) await a.put(`card/trip/${name}`, `|9|${name}`);
    expect((await read(a, ['card/trip'])).libraries).toMatchObject([{ photos: 10, updated: 5 }]);
  });

  it('is told from one that was edited for the most part, and from one that was restored from a backup', async () => {
    for (const name of names.slice(1)) await a.put(`card/${name}`, `|9|${name}`);
    expect((await read(a, ['card'])).libraries).toMatchObject([{ photos: 5, unchanged: 1, updated: 4 }]);
    for (const name of names) await utimes(a.at(`card/${name}`), 1000, 1000);
    expect((await read(a, ['card'])).libraries).toMatchObject([{ photos: 5, unchanged: 5, updated: 0 }]);
    // Names changed with one another are no other photos.
    for (const [i, name] of names.entries()) await rename(a.at(`card/${name}`), a.at(`card/${i}`));
    for (const [i, name] of names.toReversed().entries()) await rename(a.at(`card/${i}`), a.at(`card/${name}`));
    expect((await read(a, ['card'])).libraries).toMatchObject([{ photos: 5 }]);
  });
});

describe('a folder of which every photo was edited', () => {
  const photos = [0, 1, 2, 3];
  const write = async (content: (n: number) => string): Promise<void> => {
    for (const n of photos) await a.put(`Photos/${n}.jpg`, content(n));
  };
  const index = () => read(a, ['Photos']);

  it.each<[string, (n: number) => string, (n: number) => string]>([
    ['tagged or rotated, by when its photos were taken', (n) => `${n}|${n}|`, (n) => `${n}|${n + 1}|edited`],
    ['put right in time, by its pictures', (n) => `${n}|${n}|`, (n) => `${n + 3600}|${n}|edited`],
    ['rid of its times, by its pictures', (n) => `${n}|${n}|`, (n) => `|${n}|edited`],
    ['brightened where it never had times, by its pictures', (n) => `|${n}|`, (n) => `|${n}|edited`],
  ])('is known for what it is: %s', async (_, before, after) => {
    await write(before);
    await index();
    await write(after);
    expect((await index()).libraries).toMatchObject([{ photos: 4, updated: 4 }]);
  });

  it('is known for another when neither times nor pictures are the same', async () => {
    await write((n) => `${n}|${n}|`);
    await index();
    await write((n) => `${n + 3600}|${n + 1}|`);
    await expect(index()).rejects.toMatchObject({ code: 'library_replaced' });
  });

  it("is taken as it is on the machine's own disk, where what was written over is gone", async () => {
    await write((n) => `${n}|${n}|`);
    await index();
    await write((n) => `${n + 3600}|${n + 1}|`);
    const { libraries } = await read(a, ['Photos'], undefined, { isRemovable: async () => false });
    expect(libraries).toMatchObject([{ photos: 4, updated: 4 }]);
  });
});

describe('a library that one machine removes', () => {
  const named = (name: string) => ({ name, root: `/cwd/${name}` });
  const never = () => Promise.reject(new Error('nobody needs to be asked'));

  it('is waited for while another indexes it, and leaves no row', async () => {
    await fill(a, 'Photos', ['one', 'two', 'three']);
    await a.indexFolder(['Photos'], 'family');
    await cp(a.at('Photos'), b.at('Photos'), { recursive: true, preserveTimestamps: true });
    await b.indexFolder(['Photos'], 'family');
    await fill(a, 'Photos', ['four', 'five']);
    let removing: Promise<unknown> = Promise.resolve();
    const waited: string[] = [];
    a.embedder.onEmbed = () => {
      a.embedder.onEmbed = () => undefined;
      const deps = { ...b.changing, onWait: (lease: { holder: string } | null) => waited.push(`${lease?.holder}`) };
      removing = forgetLibrary(deps, named('family'), never);
    };
    expect((await a.indexFolder(['Photos'], 'family')).libraries).toMatchObject([{ photos: 5, added: 2 }]);
    expect(await removing).toMatchObject({ removed: 5 });
    expect(waited).toEqual(['a (process 1)']);
    expect([stored(), await store.libraries()]).toEqual([[], []]);
  });

  it('ends the run of one that stood still, which takes back what it wrote since', async () => {
    await fill(a, 'Photos', ['one', 'two']);
    await a.indexFolder(['Photos'], 'family');
    await fill(a, 'Photos', ['three']);
    a.embedder.onEmbed = () => void store.removeLibrary(sharedId('family'));
    const run = a.indexFolder(['Photos'], 'family');
    await expect(run).rejects.toMatchObject({ code: 'library_removed' });
    expect([stored(), await store.libraries()]).toEqual([[], []]);
  });

  it('is asked about when it is not on this machine', async () => {
    await fill(a, 'Photos', ['one']);
    await a.indexFolder(['Photos']);
    const forgetting = forgetLibrary(b.changing, named('Photos'), async () => false);
    await expect(forgetting).rejects.toMatchObject({ code: 'not_confirmed', kind: 'refused' });
    expect(stored()).toHaveLength(1);
    await forgetLibrary(b.changing, named('Photos'), async () => true);
    expect(stored()).toEqual([]);
  });

  it('may have left rows, which take no place among results and are removed by a repair', async () => {
    await fill(a, 'Photos', ['one', 'two']);
    await fill(a, 'Gone', ['three', 'four', 'five']);
    await a.indexFolder(['Photos', 'Gone']);
    const [gone] = (await store.libraries()).filter(({ name }) => name === 'Gone');
    await store.removeLibrary(gone?.id ?? '');
    const [row] = stored().filter(({ path }) => path === 'one.jpg');
    if (row === undefined) throw new Error('one.jpg was indexed');
    await store.table(a.embedder.model).upsert([{ ...row, id: 'another' }]);
    expect(stored()).toHaveLength(6);
    for (const { vector } of stored()) {
      const found = await searchVector(b.index, { vector, k: 3 });
      expect(found.map(({ libraryName }) => libraryName)).toEqual(['Photos', 'Photos', 'Photos']);
    }
    const asked: unknown[] = [];
    const refuse = async (found: unknown) => asked.push(found) === 0;
    await expect(repairStore(a.changing, refuse)).rejects.toMatchObject({ code: 'not_confirmed', kind: 'refused' });
    expect(asked).toEqual([{ orphans: 3, doubled: 1 }]);
    expect(await repairStore(a.changing, async () => true)).toEqual({ orphans: 3, doubled: 1, removed: 4 });
    expect(
      stored()
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['one.jpg', 'two.jpg']);
    expect(await repairStore(a.changing, never)).toEqual({ orphans: 0, doubled: 0, removed: 0 });
  });

  it('was made twice by two machines of curate 0.1.0 at once: a repair leaves one', async () => {
    await fill(a, 'Photos', ['one', 'two']);
    await a.indexFolder(['Photos']);
    const [library] = await store.libraries();
    const twin = { id: randomUUID(), name: 'Photos', root: a.at('Photos') };
    await store.putLibrary(twin);
    const rows = stored().map((row) => ({ ...row, id: photoId(twin.id, row.path), library: twin.id }));
    await store.table(a.embedder.model).upsert(rows);
    expect(await repairStore(a.changing, async () => true)).toMatchObject({ doubled: 2, removed: 2 });
    expect((await store.libraries()).length).toBe(1);
    expect(stored()).toHaveLength(2);
    expect(library).toBeDefined();
  });
});

describe('a library made by curate 0.1.0 on a server', () => {
  const old = { id: 'an-old-uuid', name: 'Pictures' };

  it('is where its photos are, and nowhere else', async () => {
    await fill(a, 'Pictures', ['one', 'two']);
    await a.indexFolder(['Pictures'], 'made');
    // As 0.1.0 left it: an id of its own, and the root in the store.
    const table = store.table(a.embedder.model);
    const made = stored();
    await table.remove(made.map(({ id }) => id));
    await store.removeLibrary(sharedId('made'));
    await table.upsert(made.map((row) => ({ ...row, id: `old ${row.path}`, library: old.id })));
    await store.putLibrary({ ...old, root: a.at('Pictures') });
    const c = new TestMachine('c', disk, store);
    expect(await c.found()).toEqual(['one', 'two'].map((name) => a.at(`Pictures/${name}.jpg`)));
    const { libraries } = await c.indexFolder(['../a/Pictures']);
    expect(libraries).toMatchObject([{ name: 'Pictures', photos: 2, unchanged: 2, removed: 0 }]);
    expect(await c.machine.roots()).toEqual(new Map([[old.id, a.at('Pictures')]]));

    // Another machine has other photos under that path.
    await rm(a.at('Pictures'), { recursive: true });
    await fill(a, 'Pictures', ['three']);
    const d = new TestMachine('d', disk, store);
    const { libraries: others } = await d.indexFolder(['../a/Pictures']);
    expect(others).toMatchObject([{ name: 'Pictures-2', photos: 1, added: 1, removed: 0 }]);
    expect(stored()).toHaveLength(3);
  });
});
