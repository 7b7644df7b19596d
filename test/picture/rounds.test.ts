import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Embedder, EmbedResult } from '../../src/embedding/port.ts';
import { sha256 } from '../../src/files/hash.ts';
import { photoId } from '../../src/library/paths.ts';
import { FACTS_VERSION } from '../../src/photos/facts.ts';
import { UNDATED } from '../../src/photos/metadata/taken.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { type Cast, type CastRequest, castReferences } from '../../src/picture/cast-references.ts';
import { privateGuard } from '../../src/picture/private-guard.ts';
import { UNREAD } from '../../src/store/port.ts';
import { unit } from '../casting/photos.ts';
import { testModel } from '../support/hash-embedder.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { memorySession } from '../support/session.ts';

const { nearDuplicate, similar } = testModel.thresholds;
let root: string;
let folder: string;
let store: MemoryStore;
/** What the embedder makes of each file. */
const vectors = new Map<string, Float32Array>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'curate-rounds-'));
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'case-'));
  store = new MemoryStore();
  await store.putLibrary({ id: 'lib', name: 'photos', root: folder });
  vectors.clear();
});
afterAll(() => rm(root, { recursive: true }));

let shade = 0;
async function bytes(): Promise<Buffer> {
  shade += 1;
  const background = { r: (53 * shade) % 256, g: (101 * shade) % 256, b: (19 * shade) % 256 };
  return sharp({ create: { width: 32, height: 24, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

/** A photo on the disk and in the index. `angle` is how far its content lies from that of the query. */
async function put(path: string, angle: number, content?: Buffer): Promise<string> {
  const file = join(folder, path);
  const written = content ?? (await bytes());
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, written);
  // Each in a direction of its own, so that no two are near-duplicates unless both are the query's.
  const vector = unit(
    Array.from({ length: 256 }, (_, i) => (i === 0 ? Math.cos(angle) : i === vectors.size ? Math.sin(angle) : 0)),
  );
  vectors.set(file, vector);
  const facts = { size: written.length, mtimeMs: 0, ...UNDATED, camera: null, width: 32, height: 24, quality: 1 };
  const row = { ...UNREAD, id: photoId('lib', path), library: 'lib', path, sha256: sha256(written), vector, ...facts };
  await store.table(testModel).upsert([row]);
  return file;
}

const embedder: Embedder = {
  model: testModel,
  capacity: 1,
  embed: async ({ file }): Promise<EmbedResult> => {
    const vector = vectors.get(file);
    if (vector === undefined) throw new Error(`${file} has no vector`);
    const content = await readFile(file);
    const facts = { ...UNDATED, camera: null, width: 32, height: 24, quality: 1, facts: FACTS_VERSION };
    return { kind: 'embedded', photo: { sha256: sha256(content), size: content.length, mtimeMs: 0, vector, ...facts } };
  },
  close: async () => undefined,
};

interface Watched {
  readonly cast: Cast;
  readonly depths: readonly number[];
  readonly embedded: readonly string[];
  readonly rendered: readonly string[];
}

async function fill(
  query: string,
  more: Partial<CastRequest> = {},
  signal = new AbortController().signal,
  onRender: (file: string) => void = () => undefined,
): Promise<Watched> {
  const search = vi.spyOn(store.table(testModel), 'search');
  const embed = vi.spyOn(embedder, 'embed');
  const rendered: string[] = [];
  try {
    const cast = await castReferences(
      {
        session: memorySession({ home: folder, store, embedder }),
        render: (request) => {
          rendered.push(request.file);
          onRender(request.file);
          return renderPhoto(request);
        },
        guard: privateGuard({ patterns: [], roots: [folder], home: '/', allowed: [] }),
        signal,
      },
      {
        query: { file: query, given: 'absolute' },
        sendQuery: true,
        byHand: [],
        slots: 4,
        restriction: {},
        ...more,
      },
    );
    return {
      cast,
      // Looking for private twins of what is sent is no round.
      depths: search.mock.calls
        .filter(([, { minScore }]) => minScore !== Math.min(similar, nearDuplicate))
        .map(([, { k }]) => k),
      embedded: embed.mock.calls.map(([{ file }]) => file),
      rendered,
    };
  } finally {
    search.mockRestore();
    embed.mockRestore();
  }
}

const sent = ({ cast }: Watched): string[] => cast.references.map(({ reference }) => reference.file);
const whyNot = ({ cast }: Watched, file: string): string | undefined =>
  cast.unused.find((photo) => photo.file === file)?.reason;

describe('casting in rounds', () => {
  it('searches deeper by the same vectors as long as it lacks photos, and embeds nothing again', async () => {
    const copy = await bytes();
    const query = await put('query.jpg', 0, copy);
    for (let i = 0; i < 120; i += 1) await put(`copy-${i}.jpg`, 0, copy);
    const others = [await put('a.jpg', 0.6), await put('b.jpg', 0.7), await put('c.jpg', 0.8)];
    const watched = await fill(query);
    expect(watched.depths).toEqual([100, 400]);
    expect(watched.embedded).toEqual([query]);
    expect(sent(watched)).toEqual([query, ...others]);
    expect([...watched.rendered].sort()).toEqual([...sent(watched)].sort());
  });

  it('ends with what there is', async () => {
    const query = await put('query.jpg', 0);
    const other = await put('a.jpg', 0.6);
    const watched = await fill(query);
    expect([sent(watched), watched.depths]).toEqual([[query, other], [100]]);
    expect(watched.cast.alike).toBe(1);
  });

  it('leaves slots empty rather than to send strangers, and searches no deeper for more of them', async () => {
    const query = await put('query.jpg', 0);
    const kin = await put('kin.jpg', 0.6);
    for (let i = 0; i < 110; i += 1) await put(`stranger-${i}.jpg`, 1.2);
    const watched = await fill(query);
    expect([sent(watched), watched.depths]).toEqual([[query, kin], [100]]);
    expect(watched.cast.alike).toBe(1);
    expect(watched.cast.unused.map(({ reason }) => reason)).toContain('not like the query (0.36)');
  });

  it('takes the floor that the person sets', async () => {
    const query = await put('query.jpg', 0);
    const [near, far] = [await put('near.jpg', 0.6), await put('far.jpg', 1.2)];
    expect(sent(await fill(query, { minScore: 0.3 }))).toEqual([query, near, far]);
    expect(sent(await fill(query, { minScore: 0.9 }))).toEqual([query]);
  });

  it('gives the place of a photo that is damaged or was changed to the next, without another search', async () => {
    const query = await put('query.jpg', 0);
    const damaged = await put('a.jpg', 0.5);
    const changed = await put('b.jpg', 0.6);
    const next = [await put('c.jpg', 0.7), await put('d.jpg', 0.8)];
    await writeFile(damaged, 'no photo');
    await writeFile(changed, await bytes());
    const watched = await fill(query, { slots: 3 });
    expect(sent(watched)).toEqual([query, ...next]);
    expect(whyNot(watched, damaged)).toMatch(/^it /);
    expect(whyNot(watched, changed)).toBe('changed since it was indexed');
    expect(watched.depths).toHaveLength(1);
  });

  it('leaves private photos behind, and copies of them elsewhere', async () => {
    const secret = await bytes();
    const query = await put('query.jpg', 0);
    const hidden = await put('shut/a.jpg', 0.5, secret);
    const copy = await put('open/a.jpg', 0.5, secret);
    const free = await put('b.jpg', 0.9);
    await writeFile(join(folder, 'shut', '.curateprivate'), '*');
    const watched = await fill(query);
    expect(sent(watched)).toEqual([query, free]);
    expect(whyNot(watched, hidden)).toBe('private');
    expect(whyNot(watched, copy)).toBe('private: the same photo is private elsewhere');
    expect(watched.rendered).not.toContain(hidden);
  });

  it('refuses a named photo whose very content is private elsewhere', async () => {
    const secret = await bytes();
    const query = await put('query.jpg', 0, secret);
    await put('shut/a.jpg', 0, secret);
    await writeFile(join(folder, 'shut', '.curateprivate'), '*');
    await expect(fill(query)).rejects.toMatchObject({
      code: 'private',
      kind: 'refused',
      message: expect.stringContaining('the same photo is'),
    });
  });

  it('searches by a query that is not sent, without its copies', async () => {
    const content = await bytes();
    const query = await put('query.jpg', 0, content);
    const copy = await put('copy.jpg', 0, content);
    const other = await put('a.jpg', 0.6);
    const watched = await fill(query, { sendQuery: false, slots: 2 });
    expect(sent(watched)).toEqual([other]);
    expect(whyNot(watched, copy)).toBe('copy of query.jpg');
    expect(watched.rendered).toEqual([other]);
  });

  it('does not search at all without a free place', async () => {
    const query = await put('query.jpg', 0);
    const byHand = [{ file: await put('a.jpg', 0.6), given: 'absolute' as const }];
    const watched = await fill(query, { byHand, slots: 2 });
    expect([sent(watched).length, watched.depths, watched.embedded]).toEqual([2, [], []]);
    expect(watched.cast.searched).toBe(false);
  });
});

describe('choosing', () => {
  it('proposes the cast, and takes what was chosen in that order, each made ready once', async () => {
    const query = await put('query.jpg', 0);
    const [a, b, c] = [await put('a.jpg', 0.6), await put('b.jpg', 0.7), await put('c.jpg', 0.8)];
    const seen: (readonly [string, boolean])[] = [];
    const watched = await fill(query, {
      slots: 3,
      choose: async (proposed, most) => {
        seen.push(...proposed.map(({ candidate, used }) => [candidate.file, used] as const));
        expect(most).toBe(2);
        return [c, a].flatMap((file) => proposed.find(({ candidate }) => candidate.file === file)?.candidate ?? []);
      },
    });
    expect(new Set(seen.map(([file]) => file))).toEqual(new Set([a, b, c]));
    expect(seen.filter(([, used]) => used)).toHaveLength(2);
    expect(watched.cast.references.map(({ reference, reason }) => [reference.file, reason])).toEqual([
      [query, 'query'],
      [c, 'picked'],
      [a, 'picked'],
    ]);
    expect(whyNot(watched, b)).toBe('not picked');
    expect(new Set(watched.rendered).size).toBe(watched.rendered.length);
  });

  it('says so when the chosen photo cannot be used', async () => {
    const query = await put('query.jpg', 0);
    for (const [i, name] of ['a.jpg', 'b.jpg'].entries()) await put(name, 0.6 + i / 10);
    const bad = await put('bad.jpg', 1.2);
    await writeFile(bad, 'no photo');
    const chosen = fill(query, {
      slots: 2,
      choose: async (proposed) => proposed.flatMap(({ candidate }) => (candidate.file === bad ? [candidate] : [])),
    });
    await expect(chosen).rejects.toMatchObject({ code: 'photo_unreadable', hint: 'Choose without it.' });
  });
});

it('stops between two photos when it is aborted', async () => {
  const query = await put('query.jpg', 0);
  for (let i = 0; i < 3; i += 1) await put(`${i}.jpg`, 0.6 + i / 10);
  const controller = new AbortController();
  const rendered: string[] = [];
  const stopped = fill(query, {}, controller.signal, (file) => {
    rendered.push(file);
    if (file !== query) controller.abort();
  });
  await expect(stopped).rejects.toMatchObject({ kind: 'interrupted' });
  expect(rendered).toHaveLength(2);
});
