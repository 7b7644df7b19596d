import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { SearchResultRow } from '../../src/output/result-row.ts';
import { captionMarks } from '../../src/output/sheet/captions.ts';
import { heading } from '../../src/output/sheet/heading.ts';
import { drawSheet } from '../../src/output/sheet/image.ts';
import { frameAspect, layOutSheet } from '../../src/output/sheet/layout.ts';
import { loadLettering } from '../../src/output/sheet/lettering.ts';
import { shortenMiddle } from '../../src/output/terminal/shorten.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { testWorld } from '../support/world.ts';
import { fixturePhotos, hostileName, manyResults, resultRow } from './rows.ts';

const [query = ''] = fixturePhotos;
const bare = testWorld({ env: {}, platform: 'linux' });

describe('the layout of a picture sheet', () => {
  it('has room for every result, inside its borders and within what every format can hold', () => {
    const aspect = fc.double({ min: 0.75, max: 1.5, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 1, max: 40 }), aspect, (k, queries, ratio) => {
        const layout = layOutSheet(k, queries, ratio);
        expect(layout).not.toBeNull();
        if (layout === null) return;
        const { width, height, columns, rows, frame, gap, margin, queryFrame } = layout;
        expect(columns * rows).toBeGreaterThanOrEqual(k);
        expect(columns * (rows - 1)).toBeLessThan(Math.max(k, 1));
        expect(columns * frame.width + (columns - 1) * gap + 2 * margin).toBeLessThanOrEqual(width);
        expect(Math.max(width, height)).toBeLessThanOrEqual(16_383);
        expect(layout.queries).toBeGreaterThanOrEqual(1);
        expect(layout.queries * (queryFrame.width + gap)).toBeLessThan(width);
      }),
      { numRuns: 200 },
    );
  });

  it('is neither a tower nor a strip for ordinary counts, and leaves few places empty', () => {
    for (const k of [6, 9, 12, 20, 24, 50, 100, 200]) {
      const { width = 0, height = 1, columns = 1, rows = 1 } = layOutSheet(k, 1, 1.5) ?? {};
      expect(width / height).toBeGreaterThan(0.9);
      expect(width / height).toBeLessThan(2);
      expect((columns * rows - k) / (columns * rows)).toBeLessThan(0.12);
    }
  });

  it('takes its frames from the typical photo', () => {
    const photos = [
      { width: 3000, height: 4000 },
      { width: 4000, height: 3000 },
      { width: 4032, height: 3024 },
    ];
    expect(frameAspect(photos)).toBeCloseTo(4 / 3);
    expect(frameAspect([{ width: 10_000, height: 500 }])).toBe(1.5);
    expect(frameAspect([])).toBeCloseTo(4 / 3);
  });
});

describe('a picture sheet', () => {
  it('of words has a heading without query photos', async () => {
    const contents = { queries: [], words: ['beach'], results: manyResults(4) };
    const { width = 0, height = 0 } = await sharp(await drawSheet(bare, renderPhoto, contents, 'jpeg')).metadata();
    expect(Math.min(width, height)).toBeGreaterThan(300);
  });

  it('of words has no empty band where a query photo, or its folder, would be', async () => {
    const contents = { queries: [], words: ['beach'], results: manyResults(6) };
    const { margin = 0, fontSize = 0 } = layOutSheet(6, 0, 1.5) ?? {};
    const sheet = sharp(await drawSheet(bare, renderPhoto, contents, 'png'));
    const { data, info } = await sheet.raw().toBuffer({ resolveWithObject: true });
    const bytesPerRow = info.width * info.channels;
    const isEmpty = Array.from({ length: info.height / 2 }, (_, y) =>
      data.subarray(y * bytesPerRow, (y + 1) * bytesPerRow).every((value, i) => value === [0x18, 0x19, 0x1b][i % 3]),
    );
    const bands = isEmpty
      .map((empty) => (empty ? ' ' : '-'))
      .join('')
      .split('-');
    const widest = Math.max(...bands.map(({ length }) => length));
    expect(widest).toBeLessThan(margin + 2 * fontSize);
  });

  it.each(['jpeg', 'png', 'webp'] as const)('is a %s that bears our mark and nothing of the photos', async (format) => {
    const sheet = await drawSheet(bare, renderPhoto, { queries: [query], results: manyResults(6) }, format);
    const { format: found, exif, xmp, width, height } = await sharp(sheet).metadata();
    const { width: planned } = layOutSheet(6, 1, 1.5) ?? {};
    expect([found, width, xmp]).toEqual([format, planned, undefined]);
    expect(height).toBeGreaterThan(500);
    expect(exif?.includes('curate contact sheet')).toBe(true);
    expect(exif?.includes('GPS')).toBe(false);
  });

  it('holds every result where its place is', async () => {
    const colors = ['#ff0000', '#00ff00', '#0000ff', '#ffff00', '#ff00ff', '#00ffff', '#ffffff'];
    const folder = await mkdtemp(join(tmpdir(), 'curate-grid-'));
    const results = await Promise.all(
      colors.map(async (background, i) => {
        const path = `${folder}/${i}.png`;
        await sharp({ create: { width: 600, height: 400, channels: 3, background } })
          .png()
          .toFile(path);
        return resultRow({ path, rank: i + 1, width: 600, height: 400 });
      }),
    );
    const sheet = sharp(await drawSheet(bare, renderPhoto, { queries: [results[0]?.path ?? ''], results }, 'png'));
    const { data, info } = await sheet.raw().toBuffer({ resolveWithObject: true });
    const layout = layOutSheet(results.length, 1, 1.5);
    if (layout === null) throw new Error('no layout');
    const rowsBottom = info.height - layout.margin + layout.gap;
    colors.forEach((color, i) => {
      const x = layout.margin + (i % layout.columns) * (layout.frame.width + layout.gap) + layout.frame.width / 2;
      const row = Math.floor(i / layout.columns);
      const y = rowsBottom - (layout.rows - row) * layout.rowHeight + layout.frame.height / 2;
      const start = (Math.floor(y) * info.width + Math.floor(x)) * info.channels;
      expect([color, `#${data.subarray(start, start + 3).toString('hex')}`]).toEqual([color, color]);
    });
    await rm(folder, { recursive: true });
  });

  it('is drawn for hostile names and missing photos too', async () => {
    const name = hostileName.map((text) => `/nowhere/${text}`);
    await fc.assert(
      fc.asyncProperty(name, name, async (one, two) => {
        const results = [resultRow({ path: one }), resultRow({ path: two, rank: 2, available: false })];
        const sheet = await drawSheet(testWorld(), renderPhoto, { queries: [one], results }, 'jpeg');
        expect((await sharp(sheet).metadata()).width).toBeGreaterThan(500);
      }),
      { numRuns: 25 },
    );
  });
});

describe('a caption', () => {
  const lettering = loadLettering(bare);
  /** The texts of a caption, each with the room it takes, in lines from left to right. */
  const drawn = (k: number, result: Parameters<typeof resultRow>[0], fileTimes = false): string[] => {
    const layout = layOutSheet(k, 1, 1.5);
    if (layout === null) throw new Error('no layout');
    const texts: { text: string; from: number; to: number; y: number }[] = [];
    const draw: typeof lettering.draw = (text, x, y, size) => {
      if (text !== '') texts.push({ text, from: x, to: x + lettering.measure(size)(text), y });
      return '';
    };
    captionMarks(resultRow(result), { shared: '/photos/', fileTimes }, 0, layout, { ...lettering, draw });
    texts.forEach(({ from, to, y }, i) => {
      expect(to).toBeLessThanOrEqual(layout.frame.width);
      for (const other of texts.slice(i + 1)) if (other.y === y) expect(from > other.to || other.from > to).toBe(true);
    });
    return texts.map(({ text }) => text);
  };

  it("says that a day is the file's where photos were filtered by it", () => {
    const undated = { takenAt: null, modifiedAt: '2022-07-01T12:00:00.000Z' };
    expect(drawn(6, undated, true)).toContain('2022-07-01 (file)');
    expect(drawn(6, undated).join()).not.toContain('2022');
    expect(drawn(6, {}, true)).toContain('2024-06-15');
  });

  it('says how alike a photo is, whatever the size of the sheet and the folder', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 900 }),
        fc.constantFrom('very alike', 'alike', 'related', 'weak'),
        fc.constantFrom('/photos/a.jpg', '/photos/2024/a.jpg', `/photos/${'long/'.repeat(30)}a.jpg`),
        fc.constantFrom('2024-06-15T14:32:10', null),
        (k, likeness, path, takenAt) => {
          const texts = drawn(k, { likeness, path, takenAt });
          expect(texts).toContain(likeness);
          if (takenAt !== null) expect(texts).toContain('2024-06-15');
        },
      ),
      { numRuns: 40 },
    );
  });

  it('of a photo found by a word says how sure it is that it shows it', () => {
    const said = (shown: SearchResultRow['shown']): string | undefined =>
      drawn(6, { likeness: null, shown, path: '/photos/2024/a.jpg' })[3];
    expect([said('clear'), said('maybe'), said('unlikely')]).toEqual(['clearly shown', 'maybe shown', 'hardly shown']);
  });

  it('of a photo found by a word has the folder and the day alone', () => {
    expect(drawn(6, { likeness: null, path: '/photos/2024/a.jpg' })).toEqual([
      '1',
      'a.jpg',
      '0.982',
      '2024/',
      '2024-06-15',
    ]);
  });
});

it('names the highest and the lowest score, in whatever order the photos stand', () => {
  const results = [0.7, 0.9, 0.5].map((score, i) => resultRow({ rank: i + 1, score }));
  const { found } = heading({ queries: [query], results }, bare.now());
  expect(found).toBe('3 most similar photos, scores 0.900 to 0.500');
});

it('says how many of the photos seem to show the words, where not all do', () => {
  const said = (words: readonly string[], ...shown: SearchResultRow['shown'][]): string =>
    heading({ queries: [], words, results: shown.map((one) => resultRow({ shown: one })) }, bare.now()).found;
  const scores = 'scores 0.982 to 0.982';
  expect(said(['dog'], 'clear', 'maybe', 'unlikely')).toBe(`3 best photos, 2 of which seem to show it, ${scores}`);
  expect(said(['dog', 'sea'], 'clear', 'unlikely')).toBe(`2 best photos, one of which seems to show them, ${scores}`);
  expect(said(['dog'], 'unlikely', 'unlikely')).toBe(`2 best photos, none of which clearly shows it, ${scores}`);
  expect(said(['dog'], 'clear', 'maybe')).toBe(`2 best photos, ${scores}`);
  expect(said(['dog'], null, null)).toBe(`2 best photos, ${scores}`);
});

describe('lettering', () => {
  const lettering = loadLettering(bare);
  const pixels = (svg: string): Promise<Buffer> =>
    sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="300" height="40">${svg}</svg>`))
      .raw()
      .toBuffer();

  it('needs no font of the system for Latin, Greek and Cyrillic, however accents are stored', async () => {
    const composed = lettering.draw('Čeština Ελληνικά Русский Việt – 0.982', 0, 30, 20, '#fff');
    expect(composed).not.toContain('<text');
    expect(lettering.draw('Čeština Ελληνικά Русский Việt – 0.982'.normalize('NFD'), 0, 30, 20, '#fff')).toBe(composed);
    expect((await pixels(composed)).some((value) => value > 0)).toBe(true);
  });

  it('draws as wide as it measures', async () => {
    const text = 'IMG_2041 (copy) ÄÖÜ.jpg';
    const svg = lettering.draw(text, 0, 30, 20, '#fff');
    const { info } = await sharp(await pixels(svg), { raw: { width: 300, height: 40, channels: 4 } })
      .trim({ threshold: 1 })
      .toBuffer({ resolveWithObject: true });
    // Side bearings: a letter's ink is a little narrower than its advance.
    expect(Math.abs(info.width - lettering.measure(20)(text))).toBeLessThan(4);
  });

  it('is never wider than asked once shortened', () => {
    const measure = lettering.measure(17);
    fc.assert(
      fc.property(hostileName, fc.integer({ min: 0, max: 400 }), (text, room) => {
        expect(measure(shortenMiddle(text, room, measure))).toBeLessThanOrEqual(room);
      }),
    );
  });

  it('leaves scripts it lacks to the fonts of the system, escaped', () => {
    const withFonts = loadLettering(testWorld({ env: { FONTCONFIG_PATH: '/etc/fonts' }, platform: 'linux' }));
    expect(withFonts.draw('日本 <&">', 0, 30, 20, '#fff')).toMatch(/<text [^<>]+>日本 &lt;&amp;&quot;&gt;<\/text>/);
  });
});
