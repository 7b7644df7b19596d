import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/files/hash.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { prepareReference, type Reference } from '../../src/picture/references.ts';
import { metadataOf, segmentsOf } from '../../src/picture/segments.ts';

const fixtures = join(import.meta.dirname, '../../fixtures');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-references-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function ready(file: string): Promise<Reference> {
  const prepared = await prepareReference(renderPhoto, file);
  if (prepared.kind === 'fault') throw new Error(`${file} ${prepared.fault.reason}`);
  return prepared.reference;
}

/** Red on the left, blue on the right, 2000 x 1000, with every kind of metadata sharp can write. */
async function laden(orientation: number): Promise<string> {
  const red = { create: { width: 1000, height: 1000, channels: 3, background: '#ff0000' } } as const;
  const bytes = await sharp({ create: { width: 2000, height: 1000, channels: 3, background: '#0000ff' } })
    .composite([{ input: await sharp(red).png().toBuffer(), left: 0, top: 0 }])
    .withExif({ IFD0: { Make: 'Nikon' }, IFD3: { GPSLatitude: '51/1 30/1 0/1', GPSLatitudeRef: 'N' } })
    .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret/></x:xmpmeta>')
    .withIccProfile('p3')
    .withMetadata({ orientation })
    .jpeg()
    .toBuffer();
  const file = join(folder, `laden-${orientation}.jpg`);
  await writeFile(file, bytes);
  return file;
}

describe('prepareReference', () => {
  it('strips every metadata segment of a photo that is full of them', async () => {
    const file = await laden(1);
    expect(metadataOf(await readFile(file)).join()).toMatch(/Exif.*ICC_PROFILE/);
    const { bytes, sentSha256, sha256: original } = await ready(file);
    expect(metadataOf(bytes)).toEqual([]);
    expect(sentSha256).toBe(sha256(bytes));
    expect(original).toBe(sha256(await readFile(file)));
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('turns orientation %i upright', async (orientation) => {
    const file = await laden(orientation);
    const reference = await ready(file);
    const upright = orientation < 5 ? [1536, 768] : [768, 1536];
    expect([reference.width, reference.height]).toEqual(upright);
    const expected = await sharp(file).autoOrient().resize(4, 4, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    const sent = await sharp(reference.bytes).resize(4, 4, { fit: 'fill' }).raw().toBuffer();
    for (const [i, value] of expected.entries()) expect(Math.abs(value - (sent[i] ?? 0))).toBeLessThan(12);
  });

  it('sends every fixture photo with no metadata and at most 1,536 pixels long', async () => {
    const names = await readdir(join(fixtures, 'photos'), { recursive: true });
    const photos = names.filter((name) => /\.(jpe?g|png|webp|avif|tiff?|gif)$/i.test(name));
    expect(photos.length).toBeGreaterThan(20);
    for (const name of photos) {
      const { bytes, width, height, tokens } = await ready(join(fixtures, 'photos', name));
      expect(metadataOf(bytes), name).toEqual([]);
      expect(Math.max(width, height), name).toBeLessThanOrEqual(1536);
      expect(tokens).toBeLessThanOrEqual(1536);
      const stored = await sharp(bytes).metadata();
      expect([stored.format, stored.width, stored.height, stored.space]).toEqual(['jpeg', width, height, 'srgb']);
    }
  });

  it('sends a HEIC photo of a phone as a JPEG, too', async () => {
    const { bytes, width, height } = await ready(join(import.meta.dirname, '../data/heic-raw/phone.heic'));
    expect(metadataOf(bytes)).toEqual([]);
    const stored = await sharp(bytes).metadata();
    expect([stored.format, stored.width, stored.height]).toEqual(['jpeg', width, height]);
  });

  it('converts a wide-gamut photo to sRGB instead of dropping its profile', async () => {
    // The reddest red of Display P3 lies outside sRGB: converted it is clipped to pure red, merely stripped it is not.
    const p3 = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#ea3323' } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const file = join(folder, 'p3.png');
    await writeFile(file, p3);
    const [r, g, b] = await sharp((await ready(file)).bytes)
      .raw()
      .toBuffer();
    expect([r, g, b].map((value, i) => Math.abs((value ?? 0) - ([234, 51, 35][i] ?? 0)) < 8)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('converts a HEIC photo to sRGB by its profile, as phones need it', async () => {
    const { bytes } = await ready(join(import.meta.dirname, '../data/heic-raw/swapped-primaries.heic'));
    const [red = 0, , blue = 0] = (await sharp(bytes).stats()).channels.map(({ mean }) => mean);
    expect(red).toBeLessThan(40);
    expect(blue).toBeGreaterThan(210);
  });

  it('makes the same bytes of the same photo', async () => {
    const file = join(fixtures, 'queries/cat.jpg');
    expect((await ready(file)).sentSha256).toBe((await ready(file)).sentSha256);
  });

  it('refuses every broken fixture but those that are whole after all', async () => {
    for (const name of (await readdir(join(fixtures, 'broken'))).filter((each) => !each.endsWith('.md'))) {
      expect((await prepareReference(renderPhoto, join(fixtures, 'broken', name))).kind, name).toBe('fault');
    }
  });

  it('finds damage that a reduced decode would step over', async () => {
    const hidden = join(fixtures, 'broken/damaged-hidden.jpg');
    await expect(sharp(hidden, { failOn: 'error' }).resize(60).toBuffer()).resolves.toBeDefined();
    expect(await prepareReference(renderPhoto, hidden)).toEqual({
      kind: 'fault',
      fault: { code: 'corrupt', reason: 'is damaged' },
    });
  });

  it('tells apart what is missing, no file, empty, cut short or no picture', async () => {
    const fault = async (file: string): Promise<string> => {
      const prepared = await prepareReference(renderPhoto, file);
      return prepared.kind === 'fault' ? prepared.fault.reason : 'ready';
    };
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
    expect(await fault(join(folder, 'nothing.jpg'))).toBe('does not exist');
    expect(await fault(folder)).toBe('is a folder, not a file');
    expect(await fault(join(folder, 'pipe.jpg'))).toBe('is a named pipe, not a file');
    expect(await fault(join(fixtures, 'broken/empty.jpg'))).toBe('is empty');
    expect(await fault(join(fixtures, 'broken/text.jpg'))).toBe('is not an image: it looks like plain text');
    expect(await fault(join(fixtures, 'broken/truncated.jpg'))).toBe('is cut short');
    expect(await fault(join(fixtures, 'broken/truncated.png'))).toBe('is cut short');
  });
});

describe('segmentsOf', () => {
  it('sees segments behind the first scan of a progressive picture', async () => {
    const jpeg = await sharp(join(fixtures, 'queries/cat.jpg')).jpeg({ progressive: true }).toBuffer();
    expect(segmentsOf(jpeg).filter(({ marker }) => marker === 0xda).length).toBeGreaterThan(1);
    const comment = Buffer.from([0xff, 0xfe, 0, 6, 1, 2, 3, 4]);
    const hidden = Buffer.concat([jpeg.subarray(0, -2), comment, jpeg.subarray(-2)]);
    expect(metadataOf(hidden)).toEqual(['COM']);
  });

  it('does not overlook what stands behind the end of the picture', async () => {
    const jpeg = await sharp(join(fixtures, 'queries/cat.jpg')).jpeg().toBuffer();
    expect(() => segmentsOf(Buffer.concat([jpeg, Buffer.from('GPS')]))).toThrow('after the end');
  });
});
