import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { resolveModel } from '../../src/embedding/models.ts';
import { sha256 } from '../../src/files/hash.ts';
import { embedQueries, searchVector } from '../../src/library/vector-search.ts';
import { type Lineage, parseLineage } from '../../src/picture/lineage/lineage.ts';
import { metadataOf } from '../../src/picture/segments.ts';
import { loadSettings } from '../../src/settings.ts';
import type { Part } from '../fake-openai/edits.ts';
import { repository } from '../support/cli.ts';
import { Darkroom, type PictureJson } from '../support/darkroom.ts';
import { builtEmbedder } from '../support/embedder.ts';
import { testWorld } from '../support/world.ts';

const fixtures = join(repository, 'fixtures');
const cat = join(fixtures, 'queries', 'cat.jpg');
const panda = join(fixtures, 'queries', 'panda.jpg');

/** Every photo may be a reference: for what does not depend on which are. */
const anything = { minScore: -1 };

/** Real photos with the vectors of the real model. */
let room: Darkroom;
let photos: string;
let bursts: Record<string, string[]>;

beforeAll(async () => {
  const world = testWorld({ env: { CURATE_HOME: join(repository, 'node_modules', '.cache', 'curate-comic') } });
  const settings = loadSettings(world);
  const { openEmbedder } = await builtEmbedder();
  const cacheDir = join(settings.paths.cache, 'models');
  room = await Darkroom.open(await openEmbedder(world, await resolveModel(world, settings), { cacheDir, jobs: 2 }));
  photos = join(room.root, 'photos');
  await cp(join(fixtures, 'photos'), photos, { recursive: true });
  const groups = JSON.parse(await readFile(join(fixtures, 'groups.json'), 'utf8')) as {
    bursts: Record<string, string[]>;
  };
  bursts = groups.bursts;
  await room.index(photos);
});
beforeEach(async () => {
  await room.fresh();
  for (const folder of ['', 'pets', 'Zoo']) await rm(join(photos, folder, '.curateprivate'), { force: true });
});
afterAll(() => room.close());

function parts(): readonly Part[] {
  return room.fake.received.find(({ status }) => status === 200)?.form?.parts ?? [];
}

function used({ references }: PictureJson): PictureJson['references'] {
  return references.filter((reference) => reference.used);
}

async function readLineage(file: string | undefined): Promise<Lineage> {
  const lineage = parseLineage(await readFile(file ?? '', 'utf8'));
  if (lineage === null) throw new Error(`${file} is no lineage file`);
  return lineage;
}

describe('casting', () => {
  it('fills six places: the query first, then one frame each of what is like it', async () => {
    const made = await room.made(room.comic(cat, anything));
    expect(used(made)).toHaveLength(6);
    expect(used(made)[0]).toMatchObject({ path: cat, role: 'query', score: null });
    expect(parts()).toHaveLength(6);
    for (const frames of Object.values(bursts)) {
      const files = frames.map((frame) => join(photos, frame));
      expect(used(made).filter(({ path }) => files.includes(path)).length).toBeLessThanOrEqual(1);
    }
    const names = new Set(made.references.map(({ path }) => path));
    expect(names.size).toBe(made.references.length);
    expect(made.references.length).toBeGreaterThanOrEqual(24);
    for (const { reason } of made.references) expect(reason).not.toBe('');
  });

  it('looks only where and when it is told to', async () => {
    const zoo = join(photos, 'Zoo');
    const within = await room.rehearsed(room.comic(cat, { restriction: { folders: [zoo] } }));
    const elsewhere = within.references.slice(1).filter(({ path }) => !path.startsWith(zoo));
    expect([within.references.length > 1, elsewhere]).toEqual([true, []]);
    const june = { takenAfterMs: Date.UTC(2024, 5), takenBeforeMs: Date.UTC(2024, 7) };
    const dated = await room.rehearsed(room.comic(cat, { restriction: june }));
    expect(dated.references.length).toBeLessThan(41);
    expect(dated.references.length).toBeGreaterThan(1);
  });

  it('sends the sharpest frame of a burst, and says why the others stay behind', async () => {
    const [first = '', ...others] = bursts.bridge ?? [];
    const made = await room.rehearsed(room.comic(join(fixtures, 'queries', 'castle.jpg'), { slots: 16, ...anything }));
    const frames = made.references.filter(({ path }) =>
      [first, ...others].some((frame) => path === join(photos, frame)),
    );
    expect(frames).toHaveLength(3);
    const [best, ...rest] = frames.sort((a, b) => Number(b.used) - Number(a.used));
    expect(best?.reason).toBe('best of 3 alike');
    for (const { reason } of rest) {
      expect(reason).toMatch(new RegExp(`^(burst of|too like) ${basename(best?.path ?? '')}`));
    }
  });

  it('sends of one dog only that dog, and says why of everything else', async () => {
    const [first = '', ...others] = (bursts.dog ?? []).map((frame) => join(photos, frame));
    const made = await room.rehearsed(room.comic(first));
    expect(used(made).map(({ path }) => path)).toEqual([first, ...others]);
    for (const { reason } of used(made).slice(1)) expect(reason).toBe('another frame of the moment of dog-1.jpg');
    const strangers = made.references.filter((reference) => !reference.used);
    expect(strangers.length).toBeGreaterThan(20);
    for (const { reason } of strangers) expect(reason).toMatch(/^not like the query \(agreement -?0\.\d\d\)$/);
  });

  it('says how many photos are like the query when places stay empty', async () => {
    const [first = ''] = (bursts.dog ?? []).map((frame) => join(photos, frame));
    const { notices } = await room.comic(first);
    expect(notices).toEqual([{ kind: 'few-alike', alike: 2, places: 5, empty: 3 }]);
    const { notices: none, references } = await room.comic(join(photos, 'brushes.jpg'));
    expect([none, references.length]).toEqual([[{ kind: 'few-alike', alike: 0, places: 5, empty: 5 }], 1]);
  });

  it('takes the query out, and photos in that are named by hand', async () => {
    const made = await room.made(room.comic(cat, { sendQuery: false, ref: [panda], slots: 3 }));
    expect(used(made).map(({ role }) => role)).toEqual(['reference', 'reference', 'reference']);
    expect(used(made)[0]).toMatchObject({ path: panda, reason: 'named by hand' });
    expect(made.text).toMatch(/^The 3 pictures are reference photos\./);
    // The photo by hand stands for its burst.
    const pandas = (bursts['red-panda'] ?? []).map((frame) => join(photos, frame));
    expect(used(made).some(({ path }) => pandas.includes(path))).toBe(false);
  });

  it('sends a photo once, however often and under whatever name it is given', async () => {
    await cp(cat, join(room.folder, 'copy.jpg'));
    await symlink(cat, join(room.folder, 'link.jpg'));
    const made = await room.made(room.comic(cat, { ref: ['copy.jpg', 'link.jpg', cat], slots: 3 }));
    expect(used(made).map(({ path }) => path)).toEqual([cat]);
    expect(parts()).toHaveLength(1);
    expect(made.references.filter(({ reason }) => reason === 'copy of cat.jpg')).toHaveLength(2);
  });

  it('does not send the query when it is only searched by, nor a copy of it, though both are indexed', async () => {
    const query = join(photos, 'pets', 'kitten-1.jpg');
    const copy = join(room.folder, 'copy.jpg');
    await writeFile(copy, await readFile(query));
    for (const name of [query, copy]) {
      const made = await room.rehearsed(room.comic(name, { sendQuery: false, ...anything }));
      expect(used(made)).toHaveLength(6);
      expect(used(made).some(({ path }) => path === query || path === copy)).toBe(false);
    }
  });

  it('gives the place of a photo that changed or went since it was indexed to the next', async () => {
    const before = await room.rehearsed(room.comic(cat, { slots: 3, ...anything }));
    const [, second, third] = used(before);
    const [original, gone] = [second?.path ?? '', third?.path ?? ''];
    const [bytes, kept] = [await readFile(original), await readFile(gone)];
    try {
      await writeFile(original, await readFile(join(fixtures, 'broken', 'damaged-hidden.jpg')));
      await writeFile(gone, await readFile(cat));
      const after = await room.rehearsed(room.comic(cat, { slots: 3, ...anything }));
      expect(used(after)).toHaveLength(3);
      expect(after.references).toContainEqual(
        expect.objectContaining({ path: original, used: false, reason: 'it is damaged' }),
      );
      expect(after.references).toContainEqual(
        expect.objectContaining({ path: gone, used: false, reason: 'changed since it was indexed' }),
      );
    } finally {
      await writeFile(original, bytes);
      await writeFile(gone, kept);
    }
  });

  it('drops references for the budget before quality, and says which', async () => {
    room.settings = { maxCost: 0.07 };
    const made = await room.made(room.comic(cat, { wanted: { format: 'png' }, ...anything }));
    expect(made.dropped[0]).toMatch(/^\d of 6 references$/);
    expect(parts()).toHaveLength(used(made).length);
    expect(made.references.filter(({ reason }) => reason === 'budget')).toHaveLength(6 - used(made).length);
    expect(made.cost.estimatedUsd).toBeLessThanOrEqual(0.07);
    expect(made.text).toContain(`Pictures 2 to ${used(made).length}`);
  });

  it('says of a photo that was named by hand when the budget leaves it out', async () => {
    room.settings = { maxCost: 0.06 };
    const made = await room.rehearsed(room.comic(cat, { ref: [panda], wanted: { format: 'png' } }));
    expect(made.references).toContainEqual(
      expect.objectContaining({ path: panda, used: false, reason: 'named by hand, but over the budget' }),
    );
  });
});

describe('what is sent', () => {
  it('is upright, at most 1,536 pixels, without metadata, and stands in the lineage by its sha256', async () => {
    const made = await room.made(room.comic(join(photos, 'Orientation', 'kingfisher-6.jpg'), { slots: 16 }));
    const { references } = await readLineage(made.lineage[0]);
    expect(parts()).toHaveLength(references.length);
    for (const [i, { bytes, type, filename }] of parts().entries()) {
      expect([type, filename]).toEqual(['image/jpeg', `reference-${String(i + 1).padStart(2, '0')}.jpg`]);
      expect(metadataOf(bytes)).toEqual([]);
      const sent = await sharp(bytes).metadata();
      const upright = (await sharp(references[i]?.path).metadata()).autoOrient;
      expect(Math.max(sent.width, sent.height)).toBeLessThanOrEqual(1536);
      expect(sent.width / sent.height).toBeCloseTo(upright.width / upright.height, 1);
      expect(references[i]).toMatchObject({
        sentSha256: sha256(bytes),
        sentBytes: bytes.length,
        sha256: sha256(await readFile(references[i]?.path ?? '')),
      });
    }
  });
});

describe('a comic of a word', () => {
  it('is cast of the photos that show it best, with their shares for scores, and sends no query photo', async () => {
    const offer = await room.comic({ word: 'Dogs' });
    const made = await room.made(offer);
    const sent = used(made);
    const [best = ''] = sent.map(({ path }) => basename(path));
    const further = `another frame of the moment of ${best}`;
    // They are like no query.
    expect(sent.map(({ reason }) => reason)).toEqual(['best of 3 alike', further, further]);
    for (const { path, role, score } of sent) {
      expect(basename(path)).toMatch(/^dog-/);
      expect(role).toBe('reference');
      expect(score).toBeGreaterThan(0.3);
      expect(score).toBeLessThanOrEqual(1);
    }
    expect(offer.text).not.toContain('main reference');
    expect(offer.notices).toContainEqual(expect.objectContaining({ kind: 'few-alike', word: 'Dogs' }));
    const left = made.references.filter(({ used }) => !used).map(({ reason }) => reason);
    expect(left).toContainEqual(expect.stringMatching(/^hardly shows it \(0\.\d\d\)$/));
    expect(left.join()).not.toContain('like the query');
  });

  it('sends private photos as little as any, but named ones', async () => {
    await writeFile(join(photos, 'pets', '.curateprivate'), 'dog-*\n');
    await expect(room.comic({ word: 'dog' })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('No indexed photo clearly shows "dog" and may be sent (some are private)'),
    });
    const made = await room.made(room.comic({ word: 'dog' }, { ref: [cat] }));
    expect(used(made).map(({ path }) => path)).toEqual([cat]);
    expect(made.references.filter(({ reason }) => reason === 'private').map(({ path }) => basename(path))).toContain(
      'dog-1.jpg',
    );
  });

  it('says what it means, that nothing shows it, and that it is not known', async () => {
    const least = { minScore: 0 };
    const crane = await room.comic({ word: 'crane' }, least);
    expect(crane.notices).toContainEqual({
      kind: 'search',
      notice: expect.objectContaining({ kind: 'meanings', word: 'crane' }),
    });
    await expect(room.comic({ word: 'beach' })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('clearly shows "beach"'),
    });
    const zoo = { restriction: { folders: [join(photos, 'Zoo')] } };
    await expect(room.comic({ word: 'dog' }, zoo)).rejects.toMatchObject({
      message: expect.stringContaining('No indexed photo that passes the filters clearly shows "dog"'),
    });
    await expect(room.comic(cat, { ...zoo, sendQuery: false })).rejects.toMatchObject({
      message: expect.stringContaining('No indexed photo that passes the filters is like the query'),
    });
    const none = { restriction: { name: 'none*' }, sendQuery: false };
    for (const query of [{ word: 'dog' }, cat]) {
      await expect(room.comic(query, none)).rejects.toMatchObject({
        message: expect.stringMatching(/^No (other )?indexed photo passes the filters: /),
        hint: 'Leave a filter out, or widen it.',
      });
    }
    await expect(room.comic({ word: 'casstle' })).rejects.toMatchObject({ code: 'unknown_word' });
  });
});

describe('private photos', () => {
  it('are searched, but never sent', async () => {
    await writeFile(join(photos, '.curateprivate'), 'pets/\n');
    // The query itself shows what one of them shows.
    const allowed = { allowedPrivate: [cat] };
    const made = await room.made(room.comic(cat, { slots: 5, ...anything, ...allowed }));
    const inPets = made.references.filter(({ path }) => path.startsWith(join(photos, 'pets')));
    expect(inPets.length).toBeGreaterThan(3);
    for (const reference of inPets) expect(reference).toMatchObject({ used: false, reason: 'private' });
    expect(used(made)).toHaveLength(5);
    const embedder = await room.session.embedder();
    const [query] = await embedQueries(embedder, [cat]);
    const index = { store: room.store, table: room.store.table(embedder.model) };
    const found = await searchVector(index, { vector: query?.vector ?? new Float32Array(), k: 3 });
    expect(found.some(({ file }) => file.startsWith(join(photos, 'pets')))).toBe(true);
  });

  it('are not sent as the query or by hand, but the query still searches when it is not sent', async () => {
    await writeFile(join(photos, 'Zoo', '.curateprivate'), '');
    const shut = join(photos, 'Zoo', 'red-panda-1.jpg');
    const refused = { code: 'private', kind: 'refused' };
    await expect(room.comic(shut)).rejects.toMatchObject({ ...refused, hint: expect.stringContaining('--no-query') });
    const byHand = room.comic(cat, { ref: [shut] });
    await expect(byHand).rejects.toMatchObject({ ...refused, hint: expect.stringContaining('--allow-private') });
    await expect(byHand).rejects.toMatchObject({ hint: expect.not.stringContaining('--no-query') });
    expect(room.fake.received).toHaveLength(0);
    await expect(room.comic(shut, { sendQuery: false })).rejects.toMatchObject({
      message: expect.stringContaining('No indexed photo is like the query'),
    });
    const made = await room.made(room.comic(shut, { sendQuery: false, ...anything }));
    expect(used(made).some(({ path }) => path.startsWith(join(photos, 'Zoo')))).toBe(false);
  });

  it('are named by the setting, too', async () => {
    room.settings = { privatePatterns: ['pets/', '*.avif'] };
    const args = { slots: 16 };
    // The query shows what one of the private photos shows.
    await expect(room.comic(cat, args)).rejects.toMatchObject({
      code: 'private',
      kind: 'refused',
      message: expect.stringContaining('nearly the same photo is'),
    });
    const made = await room.made(room.comic(cat, { ...args, allowedPrivate: [cat] }));
    expect(used(made).filter(({ path }) => /\/pets\/|\.avif$/.test(path))).toEqual([]);
    expect(made.references.filter(({ reason }) => reason === 'private').length).toBeGreaterThan(3);
  });

  it('are sent when that very file is allowed, and only that', async () => {
    await writeFile(join(photos, 'Zoo', '.curateprivate'), '*');
    const shut = join(photos, 'Zoo', 'red-panda-1.jpg');
    const made = await room.made(room.comic(shut, { allowedPrivate: [shut] }));
    expect(
      used(made)
        .filter(({ path }) => path.startsWith(join(photos, 'Zoo')))
        .map(({ path }) => path),
    ).toEqual([shut]);
  });

  it('are not sent as a copy that lies elsewhere', async () => {
    await writeFile(join(photos, 'pets', '.curateprivate'), 'kitten-1.jpg\n');
    const copy = join(room.folder, 'copy.jpg');
    await writeFile(copy, await readFile(join(photos, 'pets', 'kitten-1.jpg')));
    await expect(room.comic(copy)).rejects.toMatchObject({
      code: 'private',
      kind: 'refused',
      message: expect.stringContaining('the same photo is'),
    });
    expect(room.fake.received).toHaveLength(0);
  });
});
