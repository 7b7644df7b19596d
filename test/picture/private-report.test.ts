import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPrivacy, listPrivate } from '../../src/picture/private-report.ts';
import { Darkroom } from '../support/darkroom.ts';
import { HashEmbedder } from '../support/hash-embedder.ts';

let room: Darkroom;
let photos: string;
beforeAll(async () => {
  room = await Darkroom.open(new HashEmbedder());
  photos = join(room.root, 'photos');
  await mkdir(join(photos, 'shut'), { recursive: true });
  const paint = async (name: string, background: string): Promise<void> => {
    await sharp({ create: { width: 40, height: 30, channels: 3, background } })
      .jpeg()
      .toFile(join(photos, name));
  };
  await paint('shut/a.jpg', '#112233');
  await paint('copy.jpg', '#112233');
  await paint('open.jpg', '#aabbcc');
  await room.index(photos);
  await writeFile(join(photos, 'shut', '.curateprivate'), '# mine');
  await room.fresh();
});
afterAll(() => room.close());

describe('the private report', () => {
  it('says of each photo whether it is private, and by which rule or photo', async () => {
    const at = (name: string): string => join(photos, name);
    expect(await checkPrivacy([at('shut/a.jpg'), at('open.jpg'), at('copy.jpg')], room.deps)).toEqual([
      { path: at('shut/a.jpg'), private: true, rule: at('shut/.curateprivate') },
      { path: at('open.jpg'), private: false, rule: null },
      { path: at('copy.jpg'), private: true, rule: `the same photo is ${at('shut/a.jpg')}` },
    ]);
  });

  it('lists the indexed photos that a rule covers', async () => {
    expect(await listPrivate(room.deps)).toEqual([
      { path: join(photos, 'shut/a.jpg'), private: true, rule: join(photos, 'shut', '.curateprivate') },
    ]);
  });
});
