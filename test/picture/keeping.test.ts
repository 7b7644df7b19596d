import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserError } from '../../src/errors.ts';
import { parseFailedRequest, parseLineage } from '../../src/picture/lineage/lineage.ts';
import { Outlet } from '../../src/picture/outlet.ts';
import { refuse } from '../fake-openai/behaviour.ts';
import { Darkroom } from '../support/darkroom.ts';
import { HashEmbedder } from '../support/hash-embedder.ts';

let room: Darkroom;
let photo: string;
beforeAll(async () => {
  room = await Darkroom.open(new HashEmbedder());
  photo = join(room.root, 'photo.jpg');
  await sharp({ create: { width: 40, height: 30, channels: 3, background: '#4080c0' } })
    .jpeg()
    .toFile(photo);
});
beforeEach(() => room.fresh());
afterAll(() => room.close());

const three = { format: 'png', quality: 'low', n: 3 } as const;
const offered = (wanted: Parameters<Darkroom['comic']>[1] = {}) =>
  room.comic(photo, { prompt: 'a picture', slots: 1, ...wanted });

/** Names of what lies in a folder, in order. */
const names = async (folder: string): Promise<string[]> => (await readdir(folder)).sort();

async function failure(made: Promise<unknown>): Promise<UserError> {
  return made.then(
    () => Promise.reject(new Error('nothing failed')),
    (error: UserError) => error,
  );
}

/** Whatever would be written into the folder fails from now on, as on a disk that filled up meanwhile. */
async function fillUp(): Promise<() => Promise<void>> {
  const { folder } = room;
  await rename(folder, `${folder}-aside`);
  await writeFile(folder, 'in the way');
  return async () => {
    await rm(folder);
    await rename(`${folder}-aside`, folder);
  };
}

describe('pictures that cannot be written where they should', () => {
  it('are all kept in another folder, with lineage and cost, and the error says where', async () => {
    room.fake.next.push({ kind: 'delay', ms: 300 });
    const made = failure(room.make(await offered({ wanted: three })));
    while (room.fake.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const emptied = await fillUp();
    const error = await made;
    await emptied();
    expect(error).toMatchObject({ code: 'cannot_write' });
    const kept = ['a-picture-1.png', 'a-picture-2.png', 'a-picture-3.png'];
    expect(await names(room.spare)).toEqual(kept.flatMap((name) => [name, `${name}.json`]));
    for (const name of kept) {
      expect(error.hint).toContain(join(room.spare, name));
      const lineage = parseLineage(await readFile(join(room.spare, `${name}.json`), 'utf8'));
      expect(lineage?.cost.actualUsd).toBeGreaterThan(0);
      expect(lineage?.picture.path).toBe(name);
    }
  });

  it('end no stream: partial pictures are a courtesy', async () => {
    room.fake.next.push({ kind: 'delay', ms: 300 });
    const made = failure(room.make(await offered({ wanted: { ...three, n: 1, stream: true } })));
    while (room.fake.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const emptied = await fillUp();
    const error = await made;
    await emptied();
    expect(error.hint).toContain(join(room.spare, 'a-picture.png'));
    expect(await names(room.spare)).toEqual(['a-picture.png', 'a-picture.png.json']);
    expect(room.events.flatMap((event) => (event.kind === 'partial' ? [event.file] : []))).toEqual([null, null]);
  });
});

describe('of several pictures', () => {
  const without = (change: (data: { b64_json: string }[]) => unknown) =>
    room.fake.next.push({
      kind: 'twist',
      twist: (reply) => ({ ...reply, data: change(reply.data as { b64_json: string }[]) }),
    });
  const half = (text: string): string => text.slice(0, Math.floor(text.length / 8) * 4);

  it.each([
    ['one is not there', (data: { b64_json: string }[]) => data.slice(1), []],
    ['one is null', ([, ...rest]: { b64_json: string }[]) => [{ b64_json: null }, ...rest], []],
    [
      'one is damaged',
      ([first, ...rest]: { b64_json: string }[]) => [{ b64_json: half(first?.b64_json ?? '') }, ...rest],
      ['a-picture.failed-1.png'],
    ],
  ] as const)('%s: the others are pictures with lineage, and one is said to be missing', async (_, change, kept) => {
    without(change as (data: { b64_json: string }[]) => unknown);
    const made = await room.make(await offered({ wanted: three }));
    expect(made).toMatchObject({
      pictures: [{}, {}],
      shortfall: {
        said: expect.stringContaining('Only 2 of 3 pictures came back'),
        kept: kept.map((name) => join(room.folder, name)),
      },
    });
    expect(await names(room.folder)).toEqual([
      'a-picture-1.png',
      'a-picture-1.png.json',
      'a-picture-2.png',
      'a-picture-2.png.json',
      ...kept,
    ]);
  });

  it('those that a stream finished before it broke off are kept as pictures', async () => {
    room.fake.next.push({ kind: 'cut-late' });
    const made = await room.make(await offered({ wanted: { ...three, stream: true } }));
    expect(made).toMatchObject({ pictures: [{}, {}], shortfall: { said: 'Only 2 of 3 pictures came back.' } });
  });

  it('the sum of a stream is doubtful where each event tells the same', async () => {
    const made = await room.make(await offered({ wanted: { ...three, stream: true } }));
    expect(made).toMatchObject({ isCostDoubtful: true });
    const lineage = parseLineage(await readFile(join(room.folder, 'a-picture-1.png.json'), 'utf8'));
    expect(lineage?.cost.doubtful).toBe(true);
    await room.fresh();
    expect(await room.make(await offered({ wanted: { ...three, n: 1, stream: true } }))).toMatchObject({
      isCostDoubtful: false,
    });
    expect(await room.make(await offered({ wanted: three }))).toMatchObject({ isCostDoubtful: false });
  });
});

describe('a request that failed after it was sent', () => {
  async function record() {
    return parseFailedRequest(JSON.parse(await readFile(join(room.folder, 'a-picture.failed.json'), 'utf8')));
  }

  it.each([
    ['server', () => room.fake.next.push(refuse('server')), 'server', ['req_1']],
    ['time-out', () => room.fake.next.push({ kind: 'stall' }), 'timeout', []],
    ['cut', () => room.fake.next.push({ kind: 'cut' }), 'cut_stream', ['req_1']],
    ['hang-up', () => room.fake.next.push({ kind: 'hang-up' }), 'network', []],
    ['web page', () => room.fake.next.push({ kind: 'html' }), 'not_json', []],
  ] as const)(
    '(%s) leaves a record with what was asked, for it may be billed',
    async (_, arrange, code, requestIds) => {
      arrange();
      const error = await failure(room.make(await offered(), { timeoutMs: 2000 }));
      expect(error).toMatchObject({ code, hint: expect.stringContaining(join(room.folder, 'a-picture.failed.json')) });
      expect(`${error.message} ${error.hint}`).toMatch(/may have been billed/);
      expect(await record()).toMatchObject({
        verb: 'comic',
        prompt: 'a picture',
        parameters: { size: '1024x1024', quality: 'low', n: 1 },
        references: [{ path: photo, role: 'query' }],
        requestIds,
        error: { code },
        billing: 'may have been billed',
        cost: { estimatedUsd: expect.any(Number), actualUsd: null },
      });
    },
  );

  it('leaves none when the server refused it, or nothing was sent', async () => {
    room.fake.next.push(refuse('wrong-key'));
    await failure(room.make(await offered()));
    room.settings = { openaiBaseUrl: 'http://127.0.0.1:9/v1' };
    await failure(room.make(await offered()));
    expect(await names(room.folder)).toEqual([]);
  });

  it('keeps a reply in words, shows the words, and may be billed', async () => {
    await room.made(offered());
    room.fake.next.push({ kind: 'in-words' });
    const error = await failure(room.make(await room.refine('a-picture.png', 'and words')));
    expect(error.message).toContain('I would rather talk.');
    expect(error.hint).toContain('may have been billed');
    expect(await readFile(join(room.folder, 'and-words.failed-1.json'), 'utf8')).toContain('I would rather talk.');
  });
});

describe('a folder that does not exist yet', () => {
  const open = (out: string, force = false) =>
    Outlet.open({ cwd: room.folder, out, prompt: 'x', format: null, usual: 'png', n: 1, force, spares: [] });

  it('is made when something is sent, not before, and goes again when nothing came into it', async () => {
    const outlet = await open('new/deep/');
    expect(await names(room.folder)).toEqual([]);
    const refused = outlet.during(async () => {
      expect(await names(join(room.folder, 'new'))).toEqual(['deep']);
      throw new Error('refused');
    });
    await expect(refused).rejects.toThrow('refused');
    expect(await names(room.folder)).toEqual([]);
    await outlet.during(() => outlet.extra('failed', 'json', '{}'));
    expect(await names(join(room.folder, 'new/deep'))).toEqual(['x.failed.json']);
  });

  it('is refused before anything is paid where it cannot be', async () => {
    await writeFile(join(room.folder, 'file'), '');
    await expect(open('file/new/')).rejects.toMatchObject({ code: 'cannot_write' });
  });

  it.skipIf(process.getuid?.() === 0)('is refused where nothing may be written', async () => {
    await mkdir(join(room.folder, 'shut'));
    await chmod(join(room.folder, 'shut'), 0o500);
    await expect(open('shut/new/')).rejects.toMatchObject({ code: 'cannot_write' });
  });
});
