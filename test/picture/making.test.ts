import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EmbedRequest, EmbedResult } from '../../src/embedding/port.ts';
import { parseLineage } from '../../src/picture/lineage/lineage.ts';
import { refuse } from '../fake-openai/behaviour.ts';
import { Darkroom } from '../support/darkroom.ts';
import { HashEmbedder } from '../support/hash-embedder.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { memorySession } from '../support/session.ts';

/** Remembers what it was given. */
class NotingEmbedder extends HashEmbedder {
  readonly files: string[] = [];

  override embed(request: EmbedRequest): Promise<EmbedResult> {
    this.files.push(request.file);
    return super.embed(request);
  }
}

const embedder = new NotingEmbedder();
let room: Darkroom;
let photos: string;
beforeAll(async () => {
  room = await Darkroom.open(embedder);
  photos = join(room.root, 'photos');
  await mkdir(photos);
  for (let i = 0; i < 60; i += 1) await paint(join(photos, `${i}.jpg`), i);
  await room.index(photos);
});
beforeEach(async () => {
  await room.fresh();
  embedder.files.length = 0;
});
afterAll(() => room.close());

/** A photo of one colour, small and like no other. */
async function paint(file: string, i: number): Promise<void> {
  const background = { r: (37 * i) % 256, g: (91 * i) % 256, b: (151 * i) % 256 };
  await sharp({ create: { width: 40 + i, height: 30, channels: 3, background } })
    .jpeg()
    .toFile(file);
}

const at = (i: number): string => join(photos, `${i}.jpg`);

/** Events as a list that can be compared: paths are names. */
function told(): unknown[] {
  const name = (path: string): string => path.replace(`${room.folder}/`, '');
  return room.events.map((event) => {
    if (event.kind === 'sent') return [event.kind];
    if (event.kind === 'partial') return [event.kind, event.index, name(event.file ?? ''), event.bytes.length > 0];
    if (event.kind === 'waiting') return [event.kind, event.seconds];
    return [event.kind, name(event.picture.path), name(event.picture.lineage), event.format, event.asked];
  });
}

describe('a comic', () => {
  it('reads each of six photos once to send it, and embeds the query alone, once', async () => {
    const offer = await room.comic(at(0));
    expect(offer.references).toHaveLength(6);
    expect(embedder.files).toEqual([at(0)]);
    expect(room.rendered).toHaveLength(6);
    expect([...room.rendered].sort()).toEqual(offer.references.map(({ reference }) => reference.file).sort());
    await room.make(offer);
    expect([embedder.files.length, room.rendered.length]).toEqual([1, 6]);
  });

  it('opens neither store nor model when every photo is named and nothing was ever indexed', async () => {
    const never = () => Promise.reject(new Error('nothing needs to be searched'));
    // Where something is indexed, a private photo may show the same.
    const { milvusUri: _, ...settings } = room.session.settings;
    const { machine } = room.session;
    room.session = {
      settings,
      machine,
      model: never,
      store: never,
      index: never,
      embedder: never,
      openEmbedder: never,
      isNew: never,
      close: never,
    };
    expect((await room.comic(at(0), { ref: [at(1)], slots: 2 })).references).toHaveLength(2);
  });

  it('is a value until it is made: nothing is sent or written', async () => {
    const offer = await room.comic(at(0), { prompt: 'One panel' });
    expect(await readdir(room.folder)).toEqual([]);
    expect(room.fake.received).toEqual([]);
    expect(offer).toMatchObject({
      verb: 'comic',
      prompt: 'One panel',
      endpoint: 'compatible',
      wantedQuality: 'low',
      dropped: [],
      notices: [],
      parent: null,
      conversation: null,
    });
    expect(offer.text.endsWith('\n\nOne panel')).toBe(true);
    expect(offer.references[0]).toMatchObject({ role: 'query', reason: 'query', score: null });
    expect(offer.estimate.usd).toBeGreaterThan(0);
    for (const { reference } of offer.references)
      expect(reference.bytes.subarray(0, 2)).toEqual(Buffer.from('ffd8', 'hex'));
  });

  it('is refined and replayed, with every event in its order', async () => {
    room.fake.next.push(refuse('rate-limit', { retryAfter: '0' }));
    const stream = { format: 'png', quality: 'low', stream: true } as const;
    const made = await room.make(await room.comic(at(0), { prompt: 'first', slots: 3, wanted: stream }), {
      retries: 1,
    });
    expect(told()).toEqual([
      ['sent'],
      ['waiting', 0],
      ['sent'],
      ['partial', 0, 'first.partial-1.png', true],
      ['partial', 1, 'first.partial-2.png', true],
      ['saved', 'first.png', 'first.png.json', 'png', 'png'],
    ]);
    expect(made).toMatchObject({ kind: 'made', pictures: [{ path: join(room.folder, 'first.png') }] });

    room.events.length = 0;
    await room.make(await room.refine('first.png', 'second'));
    await room.make(await room.refine('second.png', 'third'));
    await room.make(await room.replay('third.png'));
    expect(told()).toEqual([
      ['sent'],
      ['saved', 'second.png', 'second.png.json', 'png', 'png'],
      ['sent'],
      ['saved', 'third.png', 'third.png.json', 'png', 'png'],
      ['sent'],
      ['saved', 'third-2.png', 'third-2.png.json', 'png', 'png'],
    ]);
    const { received } = room.fake;
    expect(received.map(({ status, path }) => [status, path])).toEqual([
      [429, '/v1/images/edits'],
      [200, '/v1/images/edits'],
      [200, '/v1/responses'],
      [200, '/v1/responses'],
      [200, '/v1/responses'],
    ]);
    expect(received[4]?.turn).toEqual(received[3]?.turn);
    const lineages = await Promise.all(
      ['second.png.json', 'third-2.png.json'].map(async (name) =>
        parseLineage(await readFile(join(room.folder, name), 'utf8')),
      ),
    );
    expect(lineages).toMatchObject([
      { verb: 'refine', parent: { path: 'first.png' }, references: [{ role: 'picture' }, { role: 'query' }, {}, {}] },
      { verb: 'replay', parent: { path: 'second.png' }, references: [] },
    ]);
  });
});

describe('a conversation', () => {
  it('is replayed with a photo that was moved since, from where the index has its bytes', async () => {
    const folder = join(room.root, 'moving');
    const [before, after] = [join(folder, 'a.jpg'), join(folder, 'later', 'b.jpg')];
    await mkdir(join(folder, 'later'), { recursive: true });
    await paint(before, 61);
    await room.index(folder);
    await room.make(await room.comic(before, { prompt: 'base', slots: 1 }));
    expect((await room.replay('base.png')).notices).toEqual([]);
    await rename(before, after);
    // As the index has it, which is not up to date.
    await expect(room.replay('base.png')).rejects.toMatchObject({
      code: 'reference_changed',
      message: expect.stringContaining('a.jpg does not exist'),
      hint: expect.stringContaining('index the folder where it is now'),
    });
    await room.index(folder);
    const again = await room.replay('base.png');
    expect(again.notices).toEqual([{ kind: 'moved', from: before, to: after }]);
    await room.make(again);
    const lineages = await Promise.all(
      ['base.png.json', 'base-2.png.json'].map(async (name) =>
        parseLineage(await readFile(join(room.folder, name), 'utf8')),
      ),
    );
    const [first, second] = lineages.map((lineage) => lineage?.references[0]);
    expect(second).toEqual({ ...first, path: after });
    // Another photo in its place, and an index that cannot be opened.
    await paint(before, 62);
    expect((await room.replay('base.png')).notices).toEqual([{ kind: 'moved', from: before, to: after }]);
    room.session = { ...room.session, index: () => Promise.reject(new Error('unreachable')) };
    await expect(room.replay('base.png')).rejects.toMatchObject({
      message: expect.stringContaining('was changed since'),
    });
  });

  it('costs what stands in it: the pictures of every turn, and a replay of a turn as much as the turn', async () => {
    await room.made(room.comic(at(0), { prompt: 'first', slots: 3 }));
    await room.made(room.refine('first.png', 'second'));
    const tokens = (offer: Awaited<ReturnType<typeof room.replay>>): number => offer.estimate.imageTokens;
    const sent = tokens(await room.refine('first.png', 'second'));
    const made = 1024;
    const third = await room.refine('second.png', 'third');
    expect(third.references).toEqual([]);
    expect(tokens(third)).toBe(sent + made);
    await room.made(third);
    expect((await room.replay('third.png')).estimate).toEqual(third.estimate);
    expect(tokens(await room.refine('third.png', 'fourth'))).toBe(sent + 2 * made);
    // The budget of a replay is that of its turn.
    room.settings = { maxCost: (third.estimate.usd ?? 0) - 0.001 };
    await expect(room.replay('third.png')).rejects.toMatchObject({ code: 'over_budget' });
    room.settings = {};
    // Where the turns before are gone, the picture itself says about how large they were.
    await rm(join(room.folder, 'second.png.json'));
    expect(tokens(await room.replay('third.png'))).toBe(made);
  });
});

describe('a conversation that the server has forgotten', () => {
  it('is a value: another offer is made, priced and agreed to anew', async () => {
    await room.made(room.comic(at(0), { prompt: 'first', slots: 2 }));
    await room.made(room.refine('first.png', 'second'));
    room.fake.forget();
    const offer = await room.refine('second.png', 'third');
    expect(offer.references).toEqual([]);
    expect(await room.make(offer)).toEqual({ kind: 'forgotten', reason: expect.stringContaining('does not know') });
    expect(await readdir(room.folder)).not.toContain('third.png');

    const again = await room.refine('second.png', 'third', { forgotten: true });
    expect(again.references.map(({ role }) => role)).toEqual(['picture', 'query', 'reference']);
    expect(again.conversation?.previousResponseId).toBeNull();
    expect((await room.made(again)).pictures).toHaveLength(1);
  });

  it('ends a replay, which is the same request or none', async () => {
    await room.made(room.comic(at(0), { prompt: 'first', slots: 1 }));
    await room.made(room.refine('first.png', 'second'));
    await room.made(room.refine('second.png', 'third'));
    room.fake.forget();
    await expect(room.make(await room.replay('third.png'))).rejects.toMatchObject({ code: 'conversation_forgotten' });
  });
});

describe('the private rules', () => {
  it('are asked again when an offer is made', async () => {
    const place = join(room.folder, 'late');
    await mkdir(place);
    await cp(at(0), join(place, 'a.jpg'));
    const offer = await room.comic(join(place, 'a.jpg'), { slots: 1 });
    await writeFile(join(place, '.curateprivate'), '*');
    await expect(room.make(offer)).rejects.toMatchObject({ code: 'private', kind: 'refused' });
    expect(room.fake.received).toEqual([]);
  });
});

describe('an abort', () => {
  it('ends an offer at once, and whoever looks on', async () => {
    const controller = new AbortController();
    room.signal = controller.signal;
    room.session = { ...room.session, store: () => new Promise(() => undefined) };
    const offer = room.comic(at(0));
    controller.abort();
    await expect(offer).rejects.toMatchObject({ kind: 'interrupted' });
  });

  it('ends a request on its way, saying that it may have been billed', async () => {
    const controller = new AbortController();
    room.signal = controller.signal;
    room.fake.next.push({ kind: 'stall' });
    const made = room.make(await room.comic(at(0), { slots: 1 }));
    while (room.fake.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await expect(made).rejects.toMatchObject({ kind: 'interrupted', message: expect.stringContaining('billed') });
    expect(told()).toEqual([['sent']]);
  });
});

describe('what is not as it was asked for', () => {
  it('is saved as it came, and told', async () => {
    room.fake.next.push({ kind: 'twist', twist: (reply) => asJpeg(reply) });
    await room.made(room.comic(at(0), { prompt: 'odd', slots: 1 }));
    expect(told()).toEqual([['sent'], ['saved', 'odd.jpg', 'odd.jpg.json', 'jpeg', 'png']]);
  });

  it('is kept with the reason when it is broken', async () => {
    room.fake.next.push({ kind: 'html' });
    const made = room.make(await room.comic(at(0), { prompt: 'broken', slots: 1 }));
    await expect(made).rejects.toMatchObject({ code: 'not_json', hint: expect.stringContaining('broken.failed.json') });
    expect(await readdir(room.folder)).toEqual(['broken.failed-1.html', 'broken.failed.json']);
    expect(told()).toEqual([['sent']]);
  });
});

describe('a model whose tokens are not published', () => {
  it('costs an unknown amount, until a reply of the same kind has told', async () => {
    room.settings = { imageModel: 'gpt-image-2.6-flare' };
    const ask = (size: string) =>
      room.comic(at(0), { slots: 1, wanted: { format: 'png', quality: 'low', complexity: 'low', size } });
    const first = await ask('1024x1024');
    expect(first.estimate).toMatchObject({ usd: null, unknown: expect.stringContaining('is not published') });
    const made = await room.make(first);
    if (made.kind !== 'made') throw new Error('it is made');
    const { output_tokens: tokens } = made.usage as { output_tokens: number };
    const { estimate } = await ask('1024x1024');
    expect(estimate).toMatchObject({ outputTokens: tokens, unknown: null, fromReplies: true });
    expect(estimate.usd).toBeGreaterThan(0);
    expect((await ask('1536x1024')).estimate.usd).toBeNull();
  });

  it('that is published is estimated as before', async () => {
    await room.make(await room.comic(at(0), { slots: 1 }));
    expect((await room.comic(at(0), { slots: 1 })).estimate.fromReplies).toBeUndefined();
  });
});

describe('a budget', () => {
  it('lowers what was asked for, and says so in the offer', async () => {
    room.settings = { maxCost: 0.08 };
    const offer = await room.comic(at(0), { slots: 2, wanted: { format: 'png', quality: 'high' } });
    expect(offer).toMatchObject({ wantedQuality: 'high', parameters: { quality: 'medium' } });
    expect(offer.dropped).toContain('quality from high to medium');
    expect(offer.estimate.usd).toBeLessThanOrEqual(0.08);
    await room.make(offer);
    expect(Object.fromEntries(room.fake.received[0]?.form?.fields ?? []).quality).toBe('medium');
  });

  it('that cannot be kept is refused before anything is sent, and that of a replay gives nothing up', async () => {
    await room.made(room.comic(at(0), { prompt: 'first', slots: 2 }));
    room.settings = { maxCost: 0.0061 };
    const refused = { code: 'over_budget', kind: 'refused' };
    await expect(room.replay('first.png')).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('it would cost about'),
    });
    room.settings = { maxCost: 0.001 };
    await expect(room.comic(at(0), { slots: 2 })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('after dropping 1 of 2 references'),
    });
    expect(room.fake.received).toHaveLength(1);
  });
});

describe('photos that are named', () => {
  it('are counted before any is read', async () => {
    const ref = Array.from({ length: 16 }, (_, i) => at(i + 1));
    await expect(room.comic(at(0), { ref })).rejects.toMatchObject({
      kind: 'usage',
      message: '17 photos are named; at most 16 can be sent.',
    });
    await expect(room.comic(at(0), { ref: ref.slice(0, 2), slots: 2 })).rejects.toMatchObject({
      kind: 'usage',
      message: '3 photos are named for 2 places.',
    });
    expect(room.rendered).toEqual([]);
    expect((await room.comic(at(0), { ref, sendQuery: false })).references).toHaveLength(16);
  });
});

describe('an offer from an empty search', () => {
  it('says that nothing was found, and is made of the named photos', async () => {
    // None of them tells when it was taken.
    const restriction = { takenBeforeMs: 0 };
    const offer = await room.comic(at(0), { restriction });
    expect(offer.notices).toEqual([{ kind: 'nothing-found' }]);
    expect(offer.references).toHaveLength(1);
    await expect(room.comic(at(0), { restriction, sendQuery: false })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('no photo is left to send'),
    });
  });

  it('says so when nothing is there to search', async () => {
    room.session = memorySession({ home: room.root, store: new MemoryStore(), embedder });
    await expect(room.comic(at(0))).rejects.toMatchObject({ code: 'nothing_indexed' });
  });
});

/** Some servers make what they like. */
function asJpeg(reply: Record<string, unknown>): unknown {
  return { ...reply, data: [{ b64_json: jpeg.toString('base64') }] };
}

const jpeg = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#888888' } })
  .jpeg()
  .toBuffer();
