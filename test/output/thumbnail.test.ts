import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Thumbnail, thumbnail } from '../../src/output/sheet/thumbnail.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { fixturePhotos, hostileName } from './rows.ts';

const BOX = { width: 160, height: 160 };
const WEBP = { as: 'webp', quality: 80 } as const;
const RGB = { as: 'rgb', background: '#102030' } as const;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-thumbnails-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

function picture(made: Thumbnail): Extract<Thumbnail, { kind: 'picture' }> {
  if (made.kind === 'none') throw new Error(made.reason);
  return made;
}

/** Blue in the upper left quarter, yellow elsewhere, stored as `orientation` asks for. */
async function cornered(orientation: number): Promise<string> {
  const upright = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#ffee00' } })
    .composite([
      { input: { create: { width: 150, height: 100, channels: 3, background: '#0000ff' } }, left: 0, top: 0 },
    ])
    .png()
    .toBuffer();
  const rotated = sharp(await sharp(upright).rotate(90).png().toBuffer());
  // What undoes that which the orientation asks of a viewer (EXIF 2.32, tag 0x0112).
  const undone: Record<number, Sharp> = {
    1: sharp(upright),
    2: sharp(upright).flop(),
    3: sharp(upright).rotate(180),
    4: sharp(upright).flip(),
    5: rotated.clone().flop(),
    6: sharp(upright).rotate(270),
    7: rotated.clone().flip(),
    8: sharp(upright).rotate(90),
  };
  const stored = await undone[orientation]?.png().toBuffer();
  const file = join(folder, `orientation-${orientation}.jpg`);
  await sharp(stored).withMetadata({ orientation }).jpeg({ quality: 95 }).toFile(file);
  return file;
}

function at(made: { data: Uint8Array; width: number }, x: number, y: number): number[] {
  const start = (y * made.width + x) * 3;
  return [...made.data.subarray(start, start + 3)];
}

describe('a thumbnail', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is upright for EXIF orientation %i', async (orientation) => {
    const made = picture(await thumbnail(renderPhoto, await cornered(orientation), BOX, RGB));
    expect([made.width, made.height]).toEqual([160, 107]);
    expect(at(made, 20, 20)[2]).toBeGreaterThan(200);
    for (const [x, y] of [
      [140, 20],
      [20, 90],
      [140, 90],
    ] as const) {
      expect(at(made, x, y)[2]).toBeLessThan(60);
    }
  });

  it('shows a HEIC photo in the colours of its profile', async () => {
    const heic = join(import.meta.dirname, '../data/heic-raw/swapped-primaries.heic');
    const { data } = picture(await thumbnail(renderPhoto, heic, BOX, RGB));
    expect([(data[0] ?? 255) < 40, (data[2] ?? 0) > 210]).toEqual([true, true]);
  });

  it('carries no metadata of the photo', async () => {
    const file = join(folder, 'tagged.jpg');
    await sharp({ create: { width: 600, height: 400, channels: 3, background: 'green' } })
      .withExif({ IFD0: { Artist: 'Somebody' }, IFD3: { GPSLatitudeRef: 'N' } })
      .withIccProfile('p3')
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
      .jpeg()
      .toFile(file);
    expect((await sharp(file).metadata()).exif).toBeDefined();
    const made = await sharp(picture(await thumbnail(renderPhoto, file, BOX, WEBP)).data).metadata();
    expect([made.exif, made.xmp, made.iptc, made.icc, made.orientation]).toEqual(Array(5).fill(undefined));
  });

  it('shows the colours of a Display P3 photo as sRGB', async () => {
    const file = join(folder, 'p3.jpg');
    await sharp({ create: { width: 300, height: 200, channels: 3, background: { r: 200, g: 60, b: 40 } } })
      .withIccProfile('p3')
      .jpeg({ quality: 100 })
      .toFile(file);
    const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
    expect(Math.abs((stored[0] ?? 0) - 200)).toBeGreaterThan(5);
    const [r, g, b] = at(picture(await thumbnail(renderPhoto, file, BOX, RGB)), 50, 50);
    expect(Math.abs((r ?? 0) - 200)).toBeLessThanOrEqual(2);
    expect(Math.abs((g ?? 0) - 60)).toBeLessThanOrEqual(2);
    expect(Math.abs((b ?? 0) - 40)).toBeLessThanOrEqual(2);
  });

  it('is three bytes a pixel for grey, transparent, palette and 16-bit photos alike', async () => {
    const clear = { width: 90, height: 60, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } } as const;
    const variants = {
      'clear.png': sharp({ create: clear }).png(),
      'palette.png': sharp({ create: clear }).png({ palette: true }),
      'grey.jpg': sharp({ create: clear }).flatten().greyscale().jpeg(),
      'sixteen.png': sharp({ create: clear }).toColourspace('rgb16').png(),
      'cmyk.jpg': sharp({ create: clear }).flatten().toColourspace('cmyk').jpeg(),
    };
    for (const [name, image] of Object.entries(variants)) {
      const file = join(folder, name);
      await image.toFile(file);
      const made = picture(await thumbnail(renderPhoto, file, BOX, RGB));
      expect([name, made.width, made.height, made.data.length]).toEqual([name, 90, 60, 90 * 60 * 3]);
    }
    expect(at(picture(await thumbnail(renderPhoto, join(folder, 'clear.png'), BOX, RGB)), 5, 5)).toEqual([
      0x10, 0x20, 0x30,
    ]);
  });

  it.each(fixturePhotos)('is made of %s', async (file) => {
    const made = picture(await thumbnail(renderPhoto, file, BOX, WEBP));
    expect(Math.max(made.width, made.height)).toBe(160);
    const { format, width, height } = await sharp(made.data).metadata();
    expect([format, width, height]).toEqual(['webp', made.width, made.height]);
  });

  it('is made whatever the file is called', async () => {
    const [photo = ''] = fixturePhotos;
    const name = hostileName.filter((text) => Buffer.byteLength(text) < 200 && text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(name, async (text) => {
        const file = join(folder, `n${text}.jpg`);
        await copyFile(photo, file);
        expect((await thumbnail(renderPhoto, file, BOX, WEBP)).kind).toBe('picture');
        await rm(file);
      }),
      { numRuns: 30 },
    );
  });
});

describe('where no thumbnail can be made', () => {
  it('says that a file is gone', async () => {
    expect(await thumbnail(renderPhoto, join(folder, 'nowhere.jpg'), BOX, WEBP)).toEqual({
      kind: 'none',
      reason: 'Does not exist',
    });
  });

  it('says that a link leads nowhere', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling.jpg'));
    expect(await thumbnail(renderPhoto, join(folder, 'dangling.jpg'), BOX, WEBP)).toEqual({
      kind: 'none',
      reason: 'Does not exist',
    });
  });

  it('says that a file is no photo', async () => {
    await writeFile(join(folder, 'text.jpg'), 'not a photo');
    const made = await thumbnail(renderPhoto, join(folder, 'text.jpg'), BOX, WEBP);
    expect(made).toEqual({ kind: 'none', reason: 'Is not an image: it looks like plain text' });
  });

  it('says that a photo is cut short', async () => {
    const whole = await readFile(fixturePhotos.find((file) => file.endsWith('.jpg')) ?? '');
    await writeFile(join(folder, 'cut.jpg'), whole.subarray(0, whole.length / 2));
    expect(await thumbnail(renderPhoto, join(folder, 'cut.jpg'), BOX, WEBP)).toEqual({
      kind: 'none',
      reason: 'Is cut short',
    });
  });

  it.skipIf(process.platform === 'win32')('does not wait for a named pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
    expect(await thumbnail(renderPhoto, join(folder, 'pipe.jpg'), BOX, WEBP)).toEqual({
      kind: 'none',
      reason: 'Is a named pipe, not a file',
    });
  });
});
