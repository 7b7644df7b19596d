import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findLibrary, relocate, removeLibrary } from '../../src/library/libraries.ts';
import { freshModel, photo } from '../store/samples.ts';
import { MemoryStore } from '../support/memory-store.ts';

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'curate-libraries-')));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const family = { id: 'f', name: 'Family', root: '/photos/family' };
const trips = { id: 't', name: 'Trips', root: '/photos/trips' };

describe('a library', () => {
  it('is found by its root before its name, and one that is not there is said', () => {
    const named = { id: 'n', name: '/photos/trips', root: '/elsewhere' };
    expect(findLibrary([named, family, trips], '/photos/trips', '/photos/trips')).toBe(trips);
    expect(findLibrary([family, trips], 'Family', '/cwd/Family')).toBe(family);
    expect(() => findLibrary([family], 'Trips', '/cwd/Trips')).toThrow('No library has the root or the name Trips.');
  });

  it('is forgotten with its rows of every model, and nothing else is', async () => {
    const store = new MemoryStore();
    const [one, other] = [freshModel(), freshModel()];
    await store.putLibrary(family);
    await store.putLibrary(trips);
    const rows = Array.from({ length: 1100 }, (_, index) => photo(`${index}.jpg`, { library: family.id }));
    const kept = photo('a.jpg', { library: trips.id });
    await store.table(one).upsert([...rows, kept]);
    await store.table(other).upsert([photo('a.jpg', { library: family.id }), kept]);
    expect(await removeLibrary(store, family)).toBe(1101);
    expect(await store.libraries()).toEqual([trips]);
    for (const model of [one, other]) expect([...store.table(model).stored.values()]).toEqual([kept]);
  });

  it('moves to a folder that overlaps no other', async () => {
    const store = new MemoryStore();
    const at = (name: string): string => join(home, name);
    for (const name of ['new', 'taken/inner']) await mkdir(at(name), { recursive: true });
    await store.putLibrary(family);
    await store.putLibrary({ ...trips, root: at('taken') });
    await expect(relocate(store, family, at('taken/inner'))).rejects.toMatchObject({ code: 'library_overlap' });
    expect(await relocate(store, family, at('new'))).toEqual({ ...family, root: at('new') });
    expect(await store.libraries()).toContainEqual({ ...family, root: at('new') });
  });
});
