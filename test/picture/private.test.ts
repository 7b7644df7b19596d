import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import fc from 'fast-check';
import ignore from 'ignore';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { sha256 } from '../../src/files/hash.ts';
import { photoId } from '../../src/library/paths.ts';
import type { Session } from '../../src/library/session.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { make } from '../../src/picture/make.ts';
import type { Offer } from '../../src/picture/offer.ts';
import { type ComicRequest, offerComic } from '../../src/picture/offer-comic.ts';
import { Outlet } from '../../src/picture/outlet.ts';
import { privateGuard } from '../../src/picture/private-guard.ts';
import { prepareReference } from '../../src/picture/references.ts';
import type { Settings } from '../../src/settings.ts';
import { UNREAD } from '../../src/store/port.ts';
import { FakeOpenAi } from '../fake-openai/server.ts';
import { HashEmbedder, testModel } from '../support/hash-embedder.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { memorySession } from '../support/session.ts';
import { testWorld } from '../support/world.ts';

const CASES = 200;
const COLOURS = 8;
let fake: FakeOpenAi;
let root: string;
/** Eight different photos, and what is sent of each. */
let originals: Buffer[];
let sent: string[];

beforeAll(async () => {
  fake = await FakeOpenAi.start();
  root = await mkdtemp(join(tmpdir(), 'curate-private-'));
  originals = await Promise.all(
    Array.from({ length: COLOURS }, (_, i) =>
      sharp({ create: { width: 48, height: 32, channels: 3, background: { r: 30 * i, g: 255 - 30 * i, b: 128 } } })
        .withExif({ IFD0: { ImageDescription: `photo ${i}` } })
        .jpeg()
        .toBuffer(),
    ),
  );
  sent = await Promise.all(
    originals.map(async (bytes, i) => {
      await writeFile(join(root, `${i}.jpg`), bytes);
      const prepared = await prepareReference(renderPhoto, join(root, `${i}.jpg`));
      return prepared.kind === 'ready' ? prepared.reference.sentSha256 : '';
    }),
  );
});
afterAll(async () => {
  await fake.close();
  await rm(root, { recursive: true });
});

const folder = fc.constantFrom('', 'a', 'b', 'a/x', 'a/y', 'b/x');
const photo = fc.record({
  folder,
  name: fc.constantFrom('1.jpg', '2.jpg', 'kid.jpg', 'Kid.png'),
  colour: fc.nat(COLOURS - 1),
});
const pattern = fc.constantFrom(
  '*',
  '*.jpg',
  'kid*',
  'a/',
  '/a',
  'x/',
  'b/x',
  'x/*.png',
  '1.jpg',
  '!1.jpg',
  '!x/',
  '# note',
  'KID.jpg',
);
const scene = fc.record({
  photos: fc.uniqueArray(photo, { minLength: 2, maxLength: 8, selector: ({ folder, name }) => `${folder}/${name}` }),
  rules: fc.uniqueArray(fc.record({ folder, lines: fc.array(pattern, { minLength: 1, maxLength: 3 }) }), {
    maxLength: 3,
    selector: (rule) => rule.folder,
  }),
  setting: fc.array(fc.constantFrom('b/', 'kid.jpg', 'a/y'), { maxLength: 1 }),
  query: fc.nat(7),
  byHand: fc.option(fc.nat(7)),
  allowed: fc.option(fc.nat(7)),
  sendQuery: fc.boolean(),
  slots: fc.integer({ min: 2, max: 6 }),
});
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

/** gitignore's own rules, written a second time and in another way: from the top down, folder by folder. */
function isPrivate({ rules, setting }: Scene, path: string): boolean {
  const segments = path.split('/');
  let state = false;
  for (let depth = 1; depth <= segments.length; depth += 1) {
    const here = segments.slice(0, depth).join('/') + (depth < segments.length ? '/' : '');
    state = false;
    const chain = [
      { folder: '', lines: setting.map((line) => (line.includes('/y') ? `**/${line}` : line)) },
      ...rules
        .filter((rule) => rule.folder === '' || path.startsWith(`${rule.folder}/`))
        .sort((a, b) => a.folder.length - b.folder.length),
    ];
    for (const rule of chain) {
      const relative =
        rule.folder === '' ? here : here.startsWith(`${rule.folder}/`) ? here.slice(rule.folder.length + 1) : '';
      if (relative === '') continue;
      const verdict = ignore().add(rule.lines).test(relative);
      if (verdict.ignored) state = true;
      if (verdict.unignored) state = false;
    }
    if (state) return true;
  }
  return state;
}

async function library(
  serial: number,
  { photos, rules }: Scene,
): Promise<{ base: string; files: string[]; store: MemoryStore }> {
  const base = join(root, `case-${serial}`);
  const store = new MemoryStore();
  const embedder = new HashEmbedder();
  await store.putLibrary({ id: 'lib', name: 'case', root: base });
  const files: string[] = [];
  await mkdir(base);
  for (const { folder: place, name, colour } of photos) {
    const path = place === '' ? name : `${place}/${name}`;
    const file = join(base, path);
    await mkdir(dirname(file), { recursive: true });
    await cp(join(root, `${colour}.jpg`), file);
    const result = await embedder.embed({ file });
    if (result.kind === 'embedded')
      await store
        .table(testModel)
        .upsert([{ ...UNREAD, ...result.photo, id: photoId('lib', path), library: 'lib', path }]);
    files.push(path);
  }
  for (const rule of rules) {
    await mkdir(join(base, rule.folder), { recursive: true });
    await writeFile(join(base, rule.folder, '.curateprivate'), rule.lines.join('\n'));
  }
  return { base, files, store };
}

function settingsFor(base: string, patterns: readonly string[]): Settings {
  return {
    openaiApiKey: fake.key,
    openaiBaseUrl: fake.baseUrl,
    noColor: true,
    privatePatterns: patterns,
    paths: { config: base, data: base, cache: base },
  } as Settings;
}

/** Asks for a picture of a query and of photos named by hand, at the lowest price. */
function comicOf(query: string, more: Partial<ComicRequest>): ComicRequest {
  return {
    query: { file: query, given: 'absolute' },
    sendQuery: true,
    byHand: [],
    slots: 1,
    restriction: {},
    prompt: 'x',
    raw: true,
    wanted: { format: 'png', quality: 'low' },
    allowedPrivate: [],
    ...more,
  };
}

function depsFor(base: string, patterns: readonly string[], session: Session) {
  const world = testWorld({ cwd: base, home: '/' });
  return { world, settings: settingsFor(base, patterns), session, render: renderPhoto, signal: world.interrupted };
}

/** Sends what was offered. */
async function send(base: string, offer: Offer, deps: ReturnType<typeof depsFor>): Promise<void> {
  const outlet = await Outlet.open({
    cwd: base,
    out: 'made',
    prompt: 'x',
    format: null,
    usual: 'png',
    n: 1,
    force: false,
    spares: [],
  });
  const options = { retries: 0, timeoutMs: 60_000, signal: deps.signal, onEvent: () => undefined };
  expect(await make(offer, { ...deps, outlet }, options)).toMatchObject({ kind: 'made' });
}

interface Outcome {
  /** The photo that was allowed by name. */
  readonly allowed: string | null;
  /** Where in the library the sent photos lie. */
  readonly paths: readonly string[];
  /** Whether the library was looked into: only then are copies known. */
  readonly searched: boolean;
}

/** The whole way from a query to the request. */
async function makeComic(serial: number, made: Scene): Promise<Outcome> {
  const { base, files, store } = await library(serial, made);
  const at = (index: number): string => files[index % files.length] ?? '';
  const allowed = made.allowed === null ? null : at(made.allowed);
  let searched = false;
  const embedder = new HashEmbedder();
  const session: Session = {
    ...memorySession({ home: base, store, embedder }),
    embedder: async () => {
      searched = true;
      return embedder;
    },
  };
  const deps = depsFor(base, made.setting, session);
  const request = comicOf(join(base, at(made.query)), {
    byHand: made.byHand === null ? [] : [{ file: join(base, at(made.byHand)), given: 'absolute' }],
    sendQuery: made.sendQuery,
    slots: made.slots,
    allowedPrivate: allowed === null ? [] : [join(base, allowed)],
  });
  const offer = await offerComic(request, deps).catch((error: unknown) => {
    if (error instanceof UserError && error.message.includes('photo is left to send')) return null;
    throw error;
  });
  if (offer !== null) await send(base, offer, deps);
  return {
    allowed,
    searched,
    paths: (offer?.references ?? []).map(({ reference }) => relative(base, reference.file)),
  };
}

describe('a private photo', () => {
  it(`never stands among the received bytes, in ${CASES} generated cases`, async () => {
    let serial = 0;
    const seen = { requests: 0, refused: 0, withPrivate: 0 };
    await fc.assert(
      fc.asyncProperty(scene, async (made) => {
        fake.reset();
        serial += 1;
        const place = join(root, `case-${serial}`);
        const outcome = await makeComic(serial, made).catch((error: unknown): Outcome => {
          if (!(error instanceof UserError) || error.code !== 'private') throw error;
          seen.refused += 1;
          return { allowed: null, paths: [], searched: true };
        });
        const { allowed, paths, searched } = outcome;
        for (const path of paths) expect(isPrivate(made, path) && path !== allowed, path).toBe(false);
        const received = fake.received.flatMap(({ form }) => form?.parts ?? []).map(({ bytes }) => sha256(bytes));
        const all = made.photos.map(({ folder: at, name, colour }) => ({
          path: at === '' ? name : `${at}/${name}`,
          colour,
        }));
        const secret = all.filter(({ path }) => isPrivate(made, path) && path !== allowed);
        // What may be sent from one place because it was named there is no secret in that case.
        const freed = all.find(({ path }) => path === allowed)?.colour;
        for (const { path, colour } of searched ? secret : []) {
          if (colour !== freed) expect(received, `${place}/${path}`).not.toContain(sent[colour]);
        }
        seen.requests += fake.received.length;
        seen.withPrivate += secret.length > 0 && fake.received.length > 0 ? 1 : 0;
        await rm(place, { recursive: true, force: true });
      }),
      { numRuns: CASES },
    );
    // The cases are worth something: photos were sent, some beside private ones, and some requests were refused.
    expect(seen.requests).toBeGreaterThan(CASES / 5);
    expect(seen.withPrivate).toBeGreaterThan(CASES / 20);
    expect(seen.refused).toBeGreaterThan(CASES / 20);
  });

  it('is caught although it became private only after it was cast', async () => {
    fake.reset();
    const place = join(root, 'late');
    await mkdir(place);
    const file = join(place, 'a.jpg');
    await writeFile(file, originals[0] ?? '');
    const never = () => Promise.reject(new Error('nothing needs to be searched'));
    const usual = memorySession({ home: place, store: new MemoryStore(), embedder: new HashEmbedder() });
    const { milvusUri: _, ...settings } = usual.settings;
    const deps = depsFor(place, [], { ...usual, settings, store: never, index: never, embedder: never });
    const offer = await offerComic(comicOf(file, {}), deps);
    await writeFile(join(place, '.curateprivate'), '*.jpg');
    await expect(send(place, offer, deps)).rejects.toMatchObject({ code: 'private', kind: 'refused' });
    expect(fake.received).toHaveLength(0);
  });

  it.skipIf(process.platform === 'win32')(
    'is private under rules that are a pipe, which nobody waits for',
    async () => {
      const place = join(root, 'piped');
      await mkdir(place);
      execFileSync('mkfifo', [join(place, '.curateprivate')]);
      const guard = privateGuard({ patterns: [], roots: [], home: '/', allowed: [] });
      expect(guard.privateBy(join(place, 'a.jpg'))).toBe(join(place, '.curateprivate'));
    },
  );

  it('is private under rules in UTF-16, in no text at all, and behind a link that leads nowhere', async () => {
    const guard = () => privateGuard({ patterns: [], roots: [], home: '/', allowed: [] });
    const utf16 = Buffer.from('\ufeffFamily/\r\n', 'utf16le');
    for (const [name, bytes] of [
      ['little', utf16],
      ['big', Buffer.from(utf16).swap16()],
    ] as const) {
      const place = join(root, `utf16-${name}`);
      await mkdir(place);
      await writeFile(join(place, '.curateprivate'), bytes);
      expect(guard().privateBy(join(place, 'Family', 'a.jpg'))).toBe(join(place, '.curateprivate'));
      expect(guard().privateBy(join(place, 'Zoo', 'a.jpg'))).toBeNull();
    }
    for (const [name, bytes] of [
      ['unmarked', utf16.subarray(2)],
      ['garbage', Buffer.from([0x46, 0xff, 0x2f])],
    ] as const) {
      const place = join(root, name);
      await mkdir(place);
      await writeFile(join(place, '.curateprivate'), bytes);
      expect(guard().privateBy(join(place, 'a.jpg'))).toBe(join(place, '.curateprivate'));
    }
    const dangling = join(root, 'dangling');
    await mkdir(dangling);
    await symlink(join(root, 'nowhere'), join(dangling, '.curateprivate'));
    expect(guard().privateBy(join(dangling, 'a.jpg'))).toBe(join(dangling, '.curateprivate'));
  });

  it('is caught behind a link', async () => {
    const place = join(root, 'links');
    await mkdir(join(place, 'shut'), { recursive: true });
    await writeFile(join(place, 'shut', '.curateprivate'), '');
    await writeFile(join(place, 'shut', 'a.jpg'), originals[0] ?? '');
    await symlink(join(place, 'shut', 'a.jpg'), join(place, 'open.jpg'));
    const guard = privateGuard({ patterns: [], roots: [], home: '/', allowed: [] });
    expect(guard.privateBy(join(place, 'open.jpg'))).toBe(join(place, 'shut', '.curateprivate'));
    const named = privateGuard({ patterns: [], roots: [], home: '/', allowed: [join(place, 'open.jpg')] });
    expect(named.privateBy(join(place, 'open.jpg'))).toBeNull();
  });
});
