import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
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

/** A disk of its own, so small that it is soon full; null where none can be mounted. */
async function mountDisk(folder: string, bytes: number): Promise<(() => void) | null> {
  await mkdir(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
    return () => void execFileSync('umount', [folder]);
  } catch {
    return null;
  }
}

describe('a disk that is really full', () => {
  const ways = {
    plain: () => offered(),
    stream: () => offered({ wanted: { ...three, n: 1, stream: true } }),
    'n 3': () => offered({ wanted: three }),
    'n 3, stream': () => offered({ wanted: { ...three, stream: true } }),
    refine: () => room.refine('base.png', 'another'),
    'refine, stream': () => room.refine('base.png', 'another', { wanted: { format: 'png', stream: true } }),
    'refine, stateless': () => room.refine('base.png', 'another', { stateless: true }),
    replay: () => room.replay('base.png'),
  };

  // Room for nothing, and for a picture (6.4 kB), but not for its lineage beside it.
  it.for([0, 8192])('(%i bytes left) costs no picture, whatever is made', async (left, { skip }) => {
    const work = room.folder;
    const disk = `${work}-disk`;
    const unmount = await mountDisk(disk, 65_536);
    if (unmount === null) return skip();
    try {
      await room.made(offered({ prompt: 'base' }));
      const { bavail, bsize } = await statfs(disk);
      await writeFile(join(disk, 'fill'), Buffer.alloc(bavail * bsize - left));
      for (const [way, offer] of Object.entries(ways)) {
        const ready = await offer();
        room.folder = disk;
        const error = await failure(room.make(ready));
        room.folder = work;
        expect([way, error.code, error.message]).toEqual([
          way,
          'cannot_write',
          expect.stringContaining('disk is full'),
        ]);
        const pictures = (await names(room.spare)).filter((name) => name.endsWith('.png'));
        expect(pictures).toHaveLength(way.startsWith('n 3') ? 3 : 1);
        for (const name of pictures) {
          expect(error.hint).toContain(join(room.spare, name));
          const lineage = parseLineage(await readFile(join(room.spare, `${name}.json`), 'utf8'));
          expect(lineage).toMatchObject({ picture: { path: name }, cost: { actualUsd: expect.any(Number) } });
          await rm(join(room.spare, name));
        }
        // What there is room for in passing, a partial picture, may stay.
        expect((await names(disk)).filter((name) => !name.includes('.partial-'))).toEqual(['fill']);
        for (const name of await names(disk)) if (name !== 'fill') await rm(join(disk, name));
      }
    } finally {
      room.folder = work;
      unmount();
    }
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

  it('the one that a conversation finished before its stream broke off is a picture', async () => {
    await room.made(offered({ prompt: 'base' }));
    room.fake.next.push({ kind: 'cut-late' });
    const wanted = { format: 'png', stream: true } as const;
    const made = await room.make(await room.refine('base.png', 'next', { wanted }));
    expect(made).toMatchObject({ pictures: [{ path: join(room.folder, 'next.png') }], shortfall: null, usage: null });
    // Whether the conversation can be continued is not known: a new one begins.
    expect((await room.refine('next.png', 'last')).conversation?.previousResponseId).toBeNull();
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
      const error = await failure(room.make(await offered(), { timeoutMs: code === 'timeout' ? 300 : 20_000 }));
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

  const begun = { wanted: { format: 'png', stream: true } } as const;
  const faults = {
    server: [() => room.fake.next.push(refuse('server')), 'server'],
    'hang-up': [() => room.fake.next.push({ kind: 'hang-up' }), 'network'],
    stall: [() => room.fake.next.push({ kind: 'stall' }), 'timeout'],
    cut: [() => room.fake.next.push({ kind: 'cut' }), 'cut_stream'],
    damaged: [() => room.fake.next.push({ kind: 'bad-picture' }), 'bad_picture'],
    nothing: [
      () => room.fake.next.push({ kind: 'twist', twist: (body) => ({ ...body, data: [], output: [] }) }),
      'no_picture',
    ],
    page: [() => room.fake.next.push({ kind: 'html' }), 'not_json'],
  } as const;
  const ways = {
    'a refinement': (prompt: string) => room.refine('base.png', prompt),
    'a refinement by edit': (prompt: string) => room.refine('base.png', prompt, { stateless: true }),
    'a replay': () => room.replay('base.png'),
  };

  it.each(Object.entries(ways))(
    '(%s) leaves a record where it may be billed, and none where it was refused or never sent',
    async (_, offer) => {
      await room.made(offered({ prompt: 'base' }));
      const records = async () => (await names(room.folder)).filter((name) => name.endsWith('.failed.json'));
      let expected = 0;
      for (const [name, [arrange, code]] of Object.entries(faults)) {
        const ready = await offer(name);
        const before = room.fake.received.length;
        arrange();
        const error = await failure(room.make(ready, { timeoutMs: name === 'stall' ? 300 : 20_000 }));
        expected += 1;
        expect([name, error.code, room.fake.received.length]).toEqual([name, code, before + 1]);
        expect(`${error.message} ${error.hint}`).toMatch(/may have been billed/);
        expect(await records()).toHaveLength(expected);
      }
      for (const name of await records()) {
        const record = parseFailedRequest(JSON.parse(await readFile(join(room.folder, name), 'utf8')));
        expect(record).toMatchObject({ billing: 'may have been billed', cost: { actualUsd: null } });
      }
      const refused = [refuse('rate-limit'), refuse('no-credit'), refuse('moderation'), refuse('wrong-key')];
      for (const refusal of refused) {
        room.fake.next.push(refusal);
        expect(`${await failure(room.make(await offer('refused')))}`).not.toMatch(/billed/);
      }
      const mute = createServer().listen(0, '127.0.0.1');
      await once(mute, 'listening');
      for (const openaiBaseUrl of [
        'http://127.0.0.1:9/v1',
        `https://127.0.0.1:${(mute.address() as AddressInfo).port}/v1`,
      ]) {
        room.settings = { openaiBaseUrl };
        const error = await failure(room.make(await offer('unsent'), { timeoutMs: 300 }));
        expect(error.message).toContain('Nothing was sent.');
      }
      mute.close();
      room.settings = {};
      expect(await records()).toHaveLength(expected);
    },
  );

  it('(a streamed refinement) keeps the partial pictures that came', async () => {
    await room.made(offered({ prompt: 'base' }));
    room.fake.next.push({ kind: 'cut-stream' });
    const error = await failure(room.make(await room.refine('base.png', 'a picture', begun)));
    expect(error).toMatchObject({ code: 'cut_stream', hint: expect.stringContaining('What arrived is kept beside') });
    expect(await record()).toMatchObject({
      verb: 'refine',
      arrived: ['a-picture.failed-1.png', 'a-picture.failed-2.png'],
    });
  });

  it('is told of as soon as it is on its way, for a kill leaves no time for it; a picture takes its place', async () => {
    room.fake.next.push({ kind: 'delay', ms: 200 });
    const made = room.make(await offered());
    while (room.fake.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await names(room.folder)).toEqual(['a-picture.unanswered.json']);
    const record = parseFailedRequest(
      JSON.parse(await readFile(join(room.folder, 'a-picture.unanswered.json'), 'utf8')),
    );
    expect(record).toMatchObject({
      prompt: 'a picture',
      references: [{ path: photo, role: 'query' }],
      error: { code: 'unanswered' },
      cost: { estimatedUsd: expect.any(Number), actualUsd: null },
    });
    await made;
    expect(await names(room.folder)).toEqual(['a-picture.png', 'a-picture.png.json']);
    const lineage = parseLineage(await readFile(join(room.folder, 'a-picture.png.json'), 'utf8'));
    expect(lineage?.request.id).toBe(record?.request.id);
  });

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

describe('the name of a picture', () => {
  const open = (out: string) =>
    Outlet.open({
      cwd: room.folder,
      out,
      prompt: 'A comic',
      format: null,
      usual: 'png',
      n: 1,
      force: false,
      spares: [room.spare],
    });

  it.each(['', 'new/'])(
    'that leaves no room for its lineage is refused before anything is paid (%j)',
    async (folder) => {
      for (const length of [252, 248, 5000])
        await expect(open(`${folder}${'a'.repeat(length)}.png`)).rejects.toMatchObject({
          kind: 'usage',
          message: expect.stringContaining('too long'),
        });
      await open(`${folder}${'a'.repeat(200)}.png`);
    },
  );

  it('is a plain one in another folder, which may not take what its own takes', async () => {
    const outlet = await open(`${'é'.repeat(100)}.png`);
    const emptied = await fillUp();
    const { file } = await outlet.picture(Buffer.from('bytes'), { index: 0, n: 1, format: 'png' }, () => '{}');
    await emptied();
    expect(file).toBe(join(room.spare, 'a-comic.png'));
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
