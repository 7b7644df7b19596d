import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { type DefaultTreeAdapterTypes, parse } from 'parse5';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { SheetContents } from '../../src/output/sheet/contents.ts';
import { heading as headingOf } from '../../src/output/sheet/heading.ts';
import { renderGroupedPage, renderSheetPage } from '../../src/output/sheet/page.ts';
import { printable } from '../../src/output/text.ts';
import { renderPhoto } from '../../src/photos/render.ts';
import { testWorld } from '../support/world.ts';
import { fixturePhotos, hostilePath, manyResults, resultRow } from './rows.ts';

type Element = DefaultTreeAdapterTypes.Element;

/** Every element of the page, in order; parse errors fail the test. */
function elements(page: string): Element[] {
  const errors: string[] = [];
  const document = parse(page, { onParseError: ({ code }) => errors.push(code) });
  expect(errors).toEqual([]);
  const found: Element[] = [];
  const visit = (node: DefaultTreeAdapterTypes.Node): void => {
    if ('tagName' in node) found.push(node);
    if ('childNodes' in node) node.childNodes.forEach(visit);
  };
  visit(document);
  return found;
}

function attribute(element: Element | undefined, name: string): string | undefined {
  return element?.attrs.find((one) => one.name === name)?.value;
}

function textOf(node: DefaultTreeAdapterTypes.Node): string {
  if ('value' in node) return node.value;
  return 'childNodes' in node ? node.childNodes.map(textOf).join('') : '';
}

const [query = '', ...others] = fixturePhotos;
const render = (contents: SheetContents): Promise<string> => renderSheetPage(testWorld(), renderPhoto, contents);

/** The tags and attribute names of a page, without any value: its skeleton. */
function skeleton(page: string): string[] {
  return elements(page).map(({ tagName, attrs }) => `${tagName} ${attrs.map(({ name }) => name).join(' ')}`);
}

describe('the page of a contact sheet', () => {
  it('has a part for each of several queries, with its name, its photos and what was found', async () => {
    const results = manyResults(3);
    const groups = [
      { queries: [query], results },
      { queries: [], words: ['beach'], results: results.slice(0, 1) },
      { queries: [], words: ['<i>'], results: [] },
    ];
    const all = elements(await renderGroupedPage(testWorld(), renderPhoto, groups));
    const parts = all.filter((one) => attribute(one, 'class') === 'group');
    const shown = parts.map((part) => textOf(part).replace(/\s+/g, ' '));
    expect(shown[0]).toContain(`Photos like ${basename(query)} 3 most similar photos`);
    expect(shown[1]).toContain('Photos of beach The best photo');
    expect(shown[2]).toContain('Photos of <i> No photo is that alike');
    expect(all.filter(({ tagName }) => tagName === 'figure')).toHaveLength(1 + 3 + 1);
    const ids = all.flatMap((one) => attribute(one, 'id') ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const one of all) {
      const label = attribute(one, 'aria-labelledby');
      if (label !== undefined) expect(ids).toContain(label);
    }
  });

  it('names the words that were searched for, beside query photos or alone', async () => {
    const results = manyResults(2);
    const heading = (page: string): string => textOf(elements(page).find(({ tagName }) => tagName === 'h1') as Element);
    const alone = await render({ queries: [], words: ['beach', '<b>'], results });
    expect(heading(alone)).toBe('Photos of beach, <b>');
    // Where a photo has its folder, a word has nothing.
    expect(headingOf({ queries: [], words: ['beach'], results }, new Date())).toMatchObject({ folder: '' });
    expect(elements(alone).filter(({ tagName }) => tagName === 'figure')).toHaveLength(2);
    expect(elements(alone).some((one) => attribute(one, 'class') === 'query')).toBe(false);
    // Alone in a grid of two columns they would be squeezed into the narrow one.
    expect(alone).toContain('.results:only-child { grid-column: 1 / -1; }');
    const both = await render({ queries: [query], words: ['beach'], results });
    expect(heading(both)).toBe(`Photos like beach, ${basename(query)}`);
    expect(elements(both).filter(({ tagName }) => tagName === 'figure')).toHaveLength(3);
  });

  it('shows the query first and then all k results, each with rank, score, name and a link to the original', async () => {
    const results = manyResults(12);
    const all = elements(await render({ queries: [query], results }));
    const links = all.filter(({ tagName }) => tagName === 'a').map((link) => attribute(link, 'href') ?? '');
    expect(links.map((href) => fileURLToPath(href))).toEqual([query, ...results.map(({ path }) => path)]);
    const captions = all.filter(({ tagName }) => tagName === 'figcaption').map(textOf);
    results.forEach((row, i) => {
      for (const shown of [String(row.rank), row.score.toFixed(3), basename(row.path), '15 June 2024']) {
        expect(captions[i + 1]).toContain(shown);
      }
    });
  });

  it('shows all of 200 results and stays below four megabytes', async () => {
    const page = await render({ queries: [query], results: manyResults(200) });
    expect(elements(page).filter(({ tagName }) => tagName === 'img')).toHaveLength(201);
    expect(page.length).toBeLessThan(4_000_000);
  });

  it("says that a day is the file's where photos were filtered by it", async () => {
    const results = [resultRow({ takenAt: null, modifiedAt: '2022-07-01T12:00:00.000Z' })];
    const captions = async (fileTimes: boolean): Promise<string> =>
      elements(await render({ queries: [], words: ['dog'], results, fileTimes }))
        .filter(({ tagName }) => tagName === 'figcaption')
        .map(textOf)
        .join();
    expect(await captions(true)).toContain('1 July 2022 (file)');
    expect(await captions(false)).not.toContain('2022');
  });

  it('asks the browser to lay out and decode only what is in sight, but for printing', async () => {
    const page = await render({ queries: [query], results: manyResults(62) });
    const images = elements(page).filter(({ tagName }) => tagName === 'img');
    const waiting = images.filter((image) => attribute(image, 'loading') === 'lazy');
    const shown = images.filter((image) => attribute(image, 'decoding') === 'sync');
    expect(shown.length).toBe(images.length - waiting.length);
    // The query and the first results are there with the page.
    expect(waiting).toEqual(images.slice(61));
    expect(waiting).toHaveLength(2);
    const print = page.lastIndexOf('@media print');
    expect(page.slice(0, print)).toContain('content-visibility: auto');
    expect(page.slice(print)).toContain('content-visibility: visible');
  });

  it('lets nothing that is out of sight claim a width, which a phone does not have', async () => {
    const page = await render({ queries: [query], results: [] });
    const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? '';
    expect(style).not.toContain('contain-intrinsic-size');
    expect(/@media \(max-width: 559px\) \{\s*\.results ol \{([^}]*)\}/.exec(style)?.[1]).toContain('minmax(0, 1fr)');
  });

  it('holds its thumbnails itself, upright and of the size it says', async () => {
    const rotated = fixturePhotos.filter((file) => file.includes('Orientation'));
    const page = await render({
      queries: [query],
      results: rotated.map((path, i) => resultRow({ path, rank: i + 1 })),
    });
    const images = elements(page).filter(({ tagName }) => tagName === 'img');
    expect(images).toHaveLength(9);
    for (const image of images) {
      const [head, data = ''] = (attribute(image, 'src') ?? '').split(',');
      expect(head).toBe('data:image/webp;base64');
      const { width, height, exif } = await sharp(Buffer.from(data, 'base64')).metadata();
      expect([String(width), String(height)]).toEqual([attribute(image, 'width'), attribute(image, 'height')]);
      expect(exif).toBeUndefined();
      if (image !== images[0]) expect(width).toBeGreaterThan(height ?? 0);
    }
  });

  it('runs no script, fetches nothing and says so in its policy', async () => {
    const all = elements(await render({ queries: [query], results: manyResults(3) }));
    const policy = all.find((element) => attribute(element, 'http-equiv') === 'Content-Security-Policy');
    expect(attribute(policy, 'content')).toMatch(/^default-src 'none'; img-src data:; style-src 'sha256-[\w+/]+=';/);
    expect(
      all.filter(({ tagName }) => ['script', 'link', 'iframe', 'object', 'base', 'form'].includes(tagName)),
    ).toEqual([]);
    const addresses = all.flatMap(({ attrs }) => attrs.filter(({ name }) => ['src', 'href', 'srcset'].includes(name)));
    for (const { value } of addresses) expect(value).toMatch(/^(data:image\/webp;base64,|file:\/\/)/);
    expect(
      all.flatMap(({ attrs }) => attrs.map(({ name }) => name)).filter((name) => /^on|^style$/.test(name)),
    ).toEqual([]);
  });

  it('gives a photo that cannot be shown a tile that says why, without a link', async () => {
    const results = [
      resultRow({ path: '/media/usb/away.jpg', available: false }),
      resultRow({ path: '/nowhere/gone.jpg', rank: 2 }),
    ];
    const all = elements(await render({ queries: [query], results }));
    const tiles = all.filter((element) => attribute(element, 'class') === 'frame none').map(textOf);
    expect(tiles).toEqual(['Drive away or deleted: Result 1: away.jpg', 'Does not exist: Result 2: gone.jpg']);
    expect(all.filter(({ tagName }) => tagName === 'a')).toHaveLength(1);
  });

  it('has headings in order, a language, a title and a text for every image', async () => {
    const all = elements(await render({ queries: [query], results: manyResults(3) }));
    expect(all.map(({ tagName }) => tagName).filter((tag) => /^h\d$/.test(tag))).toEqual(['h1', 'h2', 'h2']);
    expect(attribute(all[0], 'lang')).toBe('en');
    expect(textOf(all.find(({ tagName }) => tagName === 'title') as Element)).toBe(`Photos like ${basename(query)}`);
    const texts = all.filter(({ tagName }) => tagName === 'img').map((image) => attribute(image, 'alt') ?? '');
    expect(new Set(texts).size).toBe(4);
    for (const text of texts) expect(text).toMatch(/^(Query photo|Result \d+:) .+/);
  });

  it('says so when nothing was found', async () => {
    expect(await render({ queries: [query], results: [] })).toContain('No photo is that alike');
  });

  it('keeps its structure whatever the files are called', async () => {
    const plain = skeleton(await render({ queries: ['/a/q.jpg'], results: [resultRow({ path: '/b/r.jpg' })] }));
    await fc.assert(
      fc.asyncProperty(hostilePath, hostilePath, async (one, two) => {
        const page = await render({ queries: [one], results: [resultRow({ path: two })] });
        expect(skeleton(page)).toEqual(plain);
        expect(page).not.toMatch(/[^\P{Cc}\n]/u);
      }),
      { numRuns: 200 },
    );
  });

  it('links to the very file, whatever it is called', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'curate-page-'));
    const [source = ''] = others;
    const names = [
      `"'<b>&amp;.jpg`,
      'a#b?c%20d%.jpg',
      'new\nline\t.jpg',
      '😀 ünï 日本.jpg',
      'back\\slash.jpg',
      ' ;:@,+$.jpg',
    ];
    const paths = names.map((name) => join(folder, name));
    for (const path of paths) await copyFile(source, path);
    const page = await render({
      queries: paths.slice(0, 1),
      results: paths.map((path, i) => resultRow({ path, rank: i + 1 })),
    });
    const links = elements(page).filter(({ tagName }) => tagName === 'a');
    expect(links.slice(1).map((link) => fileURLToPath(attribute(link, 'href') ?? ''))).toEqual(paths);
    expect(links.slice(1).map((link) => attribute(link, 'title'))).toEqual(paths.map(printable));
    expect(attribute(links[1], 'href')).toBe(pathToFileURL(paths[0] ?? '').href);
    await rm(folder, { recursive: true });
  });
});
