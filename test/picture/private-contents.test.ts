import { chmod, cp, link, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EmbedRequest, EmbedResult } from '../../src/embedding/port.ts';
import { toUnitLength } from '../../src/embedding/vector.ts';
import { checkPrivacy, listPrivate } from '../../src/picture/private-report.ts';
import { Darkroom } from '../support/darkroom.ts';
import { HashEmbedder } from '../support/hash-embedder.ts';

/** Nearly the same by their root cosine, 0.98, though their cosine is 0.93. */
const FAINT = { 'faint-one': [0.85, 0.3, 0.3, 0.3], 'faint-two': [0.6, 0.5, 0.45, 0.45] };

const ANGLES = [
  ['resaved', 0.2],
  ['other-1', 0.9],
  ['other-', 1.6],
] as const;

/** Sees the same in the photo that was saved anew, or nearly; files named alike look alike. */
class SeeingEmbedder extends HashEmbedder {
  override async embed(request: EmbedRequest): Promise<EmbedResult> {
    const result = await super.embed(request);
    if (result.kind !== 'embedded') return result;
    const [, faint] = Object.entries(FAINT).find(([name]) => request.file.includes(name)) ?? [];
    if (faint !== undefined) {
      return { ...result, photo: { ...result.photo, vector: toUnitLength(Float32Array.from(faint)) } };
    }
    const [, angle] = ANGLES.find(([name]) => request.file.includes(name)) ?? ['', 0];
    const vector = Float32Array.from([Math.cos(angle), Math.sin(angle), 0, 0]);
    return { ...result, photo: { ...result.photo, vector } };
  }
}

function paint(file: string, background: string) {
  return sharp({ create: { width: 40, height: 30, channels: 3, background } })
    .jpeg()
    .toFile(file);
}

let room: Darkroom;
let shut: string;
let open: string;
beforeAll(async () => {
  room = await Darkroom.open(new SeeingEmbedder());
  [shut, open] = [join(room.root, 'photos', 'shut'), join(room.root, 'photos', 'open')];
  await mkdir(shut, { recursive: true });
  await mkdir(open);
  await paint(join(shut, 'secret.jpg'), '#112233');
  await cp(join(shut, 'secret.jpg'), join(open, 'copy.jpg'));
  await link(join(shut, 'secret.jpg'), join(open, 'linked.jpg'));
  await paint(join(open, 'resaved.jpg'), '#112234');
  await paint(join(open, 'other-1.jpg'), '#aabbcc');
  await paint(join(open, 'other-2.jpg'), '#ccbbaa');
  await room.index(join(room.root, 'photos'));
  await writeFile(join(shut, '.curateprivate'), '');
});
beforeEach(() => room.fresh());
afterAll(() => room.close());

const same = {
  code: 'private',
  kind: 'refused',
  message: expect.stringMatching(/\(the same photo is .*secret\.jpg\)/),
};
const near = { ...same, message: expect.stringMatching(/\(nearly the same photo is .*secret\.jpg\)/) };

describe('a copy of a private photo', () => {
  it.each([
    ['copy.jpg', same],
    ['linked.jpg', same],
    ['resaved.jpg', near],
  ])('(%s) is not sent, though it is the only one named', async (name, refusal) => {
    await expect(room.comic(join(open, name), { slots: 1 })).rejects.toMatchObject(refusal);
    await expect(room.comic(join(open, 'other-1.jpg'), { slots: 2, ref: [join(open, name)] })).rejects.toMatchObject(
      refusal,
    );
  });

  it.each(['folders', 'days'] as const)(
    'is not sent where the %s that are searched hide the original',
    async (kind) => {
      const restriction = kind === 'folders' ? { folders: [open] } : { takenBeforeMs: 0 };
      await expect(room.comic(join(open, 'copy.jpg'), { restriction })).rejects.toMatchObject(same);
      await expect(room.comic(join(open, 'resaved.jpg'), { restriction })).rejects.toMatchObject(near);
    },
  );

  it('is no candidate, and the report says why', async () => {
    const offer = await room.comic(join(open, 'other-1.jpg'), { minScore: -1 });
    expect(offer.references.map(({ reference }) => reference.file)).toEqual([
      join(open, 'other-1.jpg'),
      join(open, 'other-2.jpg'),
    ]);
    const reasons = new Map(offer.unused.map(({ file, reason }) => [file, reason]));
    expect(reasons.get(join(open, 'copy.jpg'))).toMatch(/^private/);
    expect(reasons.get(join(open, 'resaved.jpg'))).toMatch(/^private: nearly the same photo is .*secret\.jpg$/);
  });

  it('is sent when it is allowed by name', async () => {
    for (const name of ['copy.jpg', 'resaved.jpg']) {
      const file = join(open, name);
      const offer = await room.comic(file, { slots: 1, allowedPrivate: [file] });
      expect(offer.references).toHaveLength(1);
      await room.made(offer);
    }
    expect(room.fake.received).toHaveLength(2);
  });

  it('is not sent when the rule for the original came after the offer, nor replayed then', async () => {
    const late = join(room.root, 'late');
    await mkdir(late);
    await cp(join(open, 'other-2.jpg'), join(late, 'other-original.jpg'));
    await room.index(late);
    const offer = await room.comic(join(open, 'other-2.jpg'), { prompt: 'first', slots: 1 });
    await room.made(offer);
    await writeFile(join(late, '.curateprivate'), '');
    const refusal = { code: 'private', message: expect.stringContaining('other-original.jpg') };
    await expect(room.make(offer)).rejects.toMatchObject(refusal);
    await expect(room.replay('first.png')).rejects.toMatchObject(refusal);
    await expect(room.refine('first.png', 'second')).rejects.toMatchObject(refusal);
    expect(room.fake.received).toHaveLength(1);
    await rm(join(late, '.curateprivate'));
  });

  it('is told by the root cosine, which tells copies from others better', async () => {
    const faint = join(room.root, 'faint');
    await mkdir(faint);
    await paint(join(faint, 'faint-one.jpg'), '#445566');
    await paint(join(faint, 'faint-two.jpg'), '#445567');
    await room.index(faint);
    await writeFile(join(faint, '.curateprivate'), 'faint-one.jpg');
    const refusal = { code: 'private', message: expect.stringMatching(/nearly the same photo is .*faint-one\.jpg/) };
    await expect(room.comic(join(faint, 'faint-two.jpg'), { slots: 1 })).rejects.toMatchObject(refusal);
    const [report] = await checkPrivacy([join(faint, 'faint-two.jpg')], room.deps);
    expect(report).toMatchObject({ private: true, rule: expect.stringContaining('faint-one.jpg') });
    await rm(join(faint, '.curateprivate'));
  });
});

describe('private rules that cannot be read', () => {
  const rules = () => join(shut, '.curateprivate');
  const spoil = {
    'a link that leads nowhere': () => symlink(join(room.root, 'nowhere'), rules()),
    'no text': () => writeFile(rules(), Buffer.from([0x46, 0xff, 0x2f])),
    'a folder': () => mkdir(rules()),
  };
  beforeEach(() => rename(rules(), `${rules()}.aside`));
  afterEach(async () => {
    await rm(rules(), { recursive: true, force: true });
    await rename(`${rules()}.aside`, rules());
  });
  const refusal = () => ({
    code: 'private_unreadable',
    kind: 'refused',
    message: expect.stringMatching(new RegExp(`^The private rules in ${rules()} cannot be read: .*Nothing was sent`)),
    hint: expect.stringContaining('remove it'),
  });

  it.each(Object.entries(spoil))('(%s) are an error, whichever photo of theirs is met', async (_, make) => {
    const offer = await room.comic(join(open, 'other-2.jpg'), { prompt: 'first', slots: 1 });
    const twin = await room.comic(join(open, 'copy.jpg'), { prompt: 'second', slots: 1 });
    await room.made(twin);
    await make();
    const asked = [
      room.comic(join(shut, 'secret.jpg'), { slots: 1 }),
      room.comic(join(open, 'copy.jpg'), { slots: 1 }),
      room.comic(join(open, 'other-1.jpg')),
      room.replay('second.png'),
      room.refine('second.png', 'third'),
      room.make(twin),
    ];
    for (const one of await Promise.allSettled(asked)) expect(one).toMatchObject({ reason: refusal() });
    // Nothing of theirs is met: a photo that is like none of them, sent alone.
    await room.made(offer);
    expect(room.fake.received).toHaveLength(2);
  });

  it.skipIf(process.getuid?.() === 0)('are an error where one may not read them', async () => {
    await writeFile(rules(), '');
    await chmod(rules(), 0);
    await expect(room.comic(join(shut, 'secret.jpg'), { slots: 1 })).rejects.toMatchObject(refusal());
  });

  it('are told by the private report, and hide no photo', async () => {
    await spoil['a link that leads nowhere']();
    const rule = `${rules()}, which cannot be read: it is a link that leads nowhere`;
    expect(await checkPrivacy([join(shut, 'secret.jpg')], room.deps)).toMatchObject([{ private: true, rule }]);
    expect(await listPrivate(room.deps)).toMatchObject([{ private: true, rule }]);
  });

  it('stop no photo that is allowed by name', async () => {
    await spoil['a folder']();
    const file = join(shut, 'secret.jpg');
    await room.made(room.comic(file, { slots: 1, allowedPrivate: [file] }));
  });
});

describe('patterns of the settings', () => {
  it('set up no store before anything is indexed', async () => {
    const { milvusUri: _, ...settings } = room.session.settings;
    const never = () => Promise.reject(new Error('nothing is indexed'));
    room.settings = { privatePatterns: ['shut/'], milvusUri: undefined };
    room.session = { ...room.session, settings, store: never, index: never, embedder: never };
    await room.made(room.comic(join(open, 'other-1.jpg'), { slots: 1 }));
    await expect(room.comic(join(shut, 'secret.jpg'), { slots: 1 })).rejects.toMatchObject({ code: 'private' });
    await expect(room.comic(join(open, 'other-1.jpg'))).rejects.toMatchObject({ code: 'nothing_indexed' });
    expect(await checkPrivacy([join(shut, 'secret.jpg')], room.deps)).toMatchObject([{ private: true }]);
  });
});
