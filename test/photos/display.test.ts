import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { averaged, lumaOf } from '../../src/photos/planes.ts';
import { printed, printIn } from '../../src/photos/print.ts';
import { type RenderRequest, renderPhoto } from '../../src/photos/render.ts';
import { repository } from '../support/cli.ts';
import { watchedWorld } from '../support/embedder.ts';
import { slowJpeg } from '../support/slow-jpeg.ts';

/** The built one: its decoders are processes, and Node 20 cannot run TypeScript. */
const { openDisplay }: typeof import('../../src/photos/display.ts') = await import(
  new URL('../../dist/photos/display.js', import.meta.url).href
);

const photo = join(repository, 'fixtures/photos/crab.jpg');
let folder: string;
let slow: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-display-'));
  slow = join(folder, 'slow.jpg');
  await writeFile(slow, slowJpeg(15_000, 500));
});

afterAll(() => rm(folder, { recursive: true }));

const request = (file: string): RenderRequest => ({
  file,
  box: { width: 200, height: 200 },
  as: { format: 'rgb' },
  background: '#ffffff',
  whole: false,
});

describe('a display', () => {
  test('renders as this process would, whatever the format', async () => {
    const render = openDisplay(watchedWorld());
    for (const name of ['crab.jpg', 'pets/chelsea.png', 'pets/wool.webp']) {
      const wanted = request(join(repository, 'fixtures/photos', name));
      expect(await render(wanted)).toEqual(await renderPhoto(wanted));
    }
  });

  test('makes prints of the pixels that it would render', async () => {
    // No JPEG, which is decoded at a reduced size.
    const wanted = request(join(repository, 'fixtures/photos/pets/chelsea.png'));
    const [print, pixels] = [
      await openDisplay(watchedWorld())({ ...wanted, as: { format: 'print' } }),
      await renderPhoto(wanted),
    ];
    if (print.kind === 'fault' || pixels.kind === 'fault') throw new Error('chelsea.png is sound');
    expect(Buffer.compare(print.data, printed(pixels.data, pixels))).toBe(0);
    const { detail, luma, width } = printIn(print.data, print, { width: 1000, height: 600 });
    expect([width, luma.length, detail.width, detail.values.length]).toEqual([
      1000,
      64 * 64,
      pixels.width,
      pixels.width * pixels.height,
    ]);
  });

  test('makes prints of a reduced decode, with luma where that is asked for, as of the whole photo', async () => {
    const large = sharp(photo).resize(2240, 1260).withMetadata({ orientation: 6 });
    const files = {
      'large.jpg': large.clone().jpeg(),
      'p3.jpg': large.clone().withIccProfile('p3').jpeg(),
      'odd.jpg': large.clone().extract({ left: 0, top: 0, width: 2239, height: 1259 }).jpeg(),
      'progressive.jpg': large.clone().jpeg({ progressive: true }),
    };
    for (const [name, image] of Object.entries(files)) {
      const file = join(folder, name);
      await image.toFile(file);
      const render = (side: number, format: 'rgb' | 'print') =>
        renderPhoto({ ...request(file), box: { width: side, height: side }, as: { format } });
      const [print, pixels] = [await render(1120, 'print'), await render(1120, 'rgb')];
      const [small, smallPixels] = [await render(512, 'print'), await render(512, 'rgb')];
      if (print.kind === 'fault' || pixels.kind === 'fault') throw new Error(`${name} is sound`);
      if (small.kind === 'fault' || smallPixels.kind === 'fault') throw new Error(`${name} is sound`);
      const away = (one: Uint8Array, other: Uint8Array): number =>
        one.reduce((sum, value, i) => sum + Math.abs(value - (other[i] ?? 1000)), 0) / one.length;
      expect([print.luma?.width, print.luma?.height], name).toEqual([pixels.width, pixels.height]);
      expect(away(print.luma?.values ?? new Uint8Array(1), lumaOf(pixels.data, pixels).values), name).toBeLessThan(0.8);
      expect(small.luma).toBeUndefined();
      expect(print).toMatchObject({ width: small.width, height: small.height, sha256: small.sha256 });
      const { detail } = printIn(print.data, print, { width: 1260, height: 2240 });
      const coarser = print.luma === undefined ? null : averaged(print.luma, detail);
      expect(away(detail.values, coarser?.values ?? new Uint8Array(1)), name).toBeLessThan(2);
      expect(away(small.data, printed(smallPixels.data, smallPixels)), name).toBeLessThan(0.8);
    }
  });

  test('renders photos that sharp does not decode, in each form', async () => {
    const names = ['phone', 'exif-alone', 'transparent'];
    const files = [
      ...names.map((name) => `test/data/heic-raw/${name}.heic`),
      ...['alpha', 'palette'].map((name) => `test/data/kinds/${name}.bmp`),
    ].map((name) => join(repository, name));
    for (const file of files) {
      for (const as of [{ format: 'rgb' }, { format: 'print' }, { format: 'jpeg', quality: 80 }] as const) {
        for (const side of [60, 2048]) {
          const rendered = await renderPhoto({ ...request(file), box: { width: side, height: side }, as });
          expect([rendered.kind, file]).toEqual(['rendition', file]);
          if (rendered.kind !== 'rendition' || as.format !== 'rgb') continue;
          expect(rendered.data).toHaveLength(rendered.width * rendered.height * 3);
          if (side === 60) expect(Math.max(rendered.width, rendered.height)).toBeLessThanOrEqual(side);
        }
      }
    }
  });

  test('gives up a photo that takes too long, and renders the others', async () => {
    const render = openDisplay({ ...watchedWorld(), cores: 2 }, { limitMs: 6000 });
    const [given, ...others] = await Promise.all([slow, photo, photo, photo].map((file) => render(request(file))));
    expect(given).toEqual({ kind: 'fault', fault: { code: 'timed_out', reason: 'was not decoded within 6 seconds' } });
    expect(others.map(({ kind }) => kind)).toEqual(Array(3).fill('rendition'));
    expect((await render(request(photo))).kind).toBe('rendition');
  });

  test('leaves out photos whose turn has not come once it is interrupted', async () => {
    const stop = new AbortController();
    const render = openDisplay({ ...watchedWorld(), cores: 1, interrupted: stop.signal });
    const asked = [photo, photo, photo, photo].map((file) => render(request(file)));
    stop.abort();
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
    expect(outcomes.at(-1)).toMatchObject({ reason: { kind: 'interrupted' } });
    await expect(render(request(photo))).rejects.toMatchObject({ kind: 'interrupted' });
  });

  test('takes a decoder that dies for a fault of its photo alone', async () => {
    const world = watchedWorld((child, message) => {
      if ((message as { file?: string }).file === slow) child.once('message', () => child.kill('SIGKILL'));
    });
    const render = openDisplay({ ...world, cores: 1 });
    const [killed, sound] = await Promise.all([render(request(slow)), render(request(photo))]);
    expect(killed).toEqual({ kind: 'fault', fault: { code: 'decoder_crashed', reason: 'crashed the decoder' } });
    expect(sound.kind).toBe('rendition');
  });

  test('decodes no more than four at once, and starts no more decoders than there is work', async () => {
    const world = watchedWorld();
    const render = openDisplay({ ...world, cores: 64 });
    await Promise.all(Array.from({ length: 12 }, () => render(request(photo))));
    expect(world.children).toHaveLength(4);
    const one = watchedWorld();
    const alone = openDisplay({ ...one, cores: 64 });
    await alone(request(photo));
    await alone(request(photo));
    expect(one.children).toHaveLength(1);
  });

  test('says so when no photo can be decoded at all', async () => {
    const world = { ...watchedWorld(), nodePath: join(folder, 'no-node') };
    await expect(openDisplay(world)(request(photo))).rejects.toMatchObject({ code: 'display_broken' });
  });

  test('gives the same verdict on damage, however many are rendered side by side', async () => {
    const sound = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#a63' } })
      .jpeg()
      .toBuffer();
    const files = [join(folder, 'sound.jpg'), join(folder, 'cut.jpg')];
    await writeFile(files[0] ?? '', sound);
    await writeFile(files[1] ?? '', sound.subarray(0, sound.length - 60));
    const verdicts = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const result = await renderPhoto({ ...request(files[i % 2] ?? ''), whole: true });
        return result.kind === 'fault' ? result.fault.reason : 'sound';
      }),
    );
    expect(verdicts).toEqual(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'sound' : 'is cut short')));
  });
});
