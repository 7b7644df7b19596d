import { UserError } from '../../errors.ts';
import type { RenderPhoto } from '../../photos/render.ts';
import type { World } from '../../world.ts';
import { captionMarks, emptyTile, GROUND, headingHeight, headingMarks } from './captions.ts';
import type { SheetContents } from './contents.ts';
import { heading, sharedFolder } from './heading.ts';
import { frameAspect, layOutSheet, type SheetLayout, type Size } from './layout.ts';
import { loadLettering } from './lettering.ts';
import { type Thumbnail, thumbnail } from './thumbnail.ts';

/** Left in the picture's metadata: how a sheet is told from a photo before it is written over. */
export const SHEET_MARK = 'curate contact sheet';

export type ImageFormat = 'jpeg' | 'png' | 'webp';

/** A picture or an empty tile, and where it stands. */
interface Tile extends Size {
  readonly picture: Thumbnail;
  readonly x: number;
}

/** The sheet as an encoded picture: the queries and a heading, then every result in a grid. */
export async function drawSheet(
  world: World,
  render: RenderPhoto,
  contents: SheetContents,
  format: ImageFormat,
): Promise<Buffer> {
  const { queries, results } = contents;
  const layout = layOutSheet(results.length, queries.length, frameAspect(results), contents.columns);
  if (layout === null) {
    throw new UserError('sheet_too_large', `${results.length} photos are too many for one picture.`, {
      hint: 'Ask for fewer with --k, or write the sheet as .html.',
    });
  }
  const { margin, gap, frame, columns, rowHeight, fontSize } = layout;
  const lettering = loadLettering(world);
  const photo = (file: string, box: Size): Promise<Thumbnail> =>
    thumbnail(render, file, box, { as: 'rgb', background: GROUND });
  const emptyTiles = (tiles: readonly Tile[]): string[] =>
    tiles.map((tile) => emptyTile(tile.picture, tile, tile.x, fontSize, lettering));

  const shown = queries.slice(0, layout.queries);
  const heads = sideBySide(await Promise.all(shown.map((file) => photo(file, layout.queryFrame))), layout);
  const last = heads.at(-1);
  const words = heading(contents, world.now());
  const wordsAt = last === undefined ? margin : last.x + last.width + 2 * gap;
  const headerHeight = Math.max(headingHeight(words, layout), ...heads.map((head) => head.height));
  const firstRow = margin + headerHeight + margin;
  const size = { width: layout.width, height: firstRow + layout.rows * rowHeight - gap + margin };
  const canvas = new Canvas(size, GROUND);
  await drawStrip(
    canvas,
    { width: size.width, height: headerHeight },
    margin,
    [headingMarks(words, wordsAt, layout, lettering), ...emptyTiles(heads)],
    heads,
  );

  const asShown = { shared: sharedFolder(results.map(({ path }) => path)), fileTimes: contents.fileTimes ?? false };
  for (let row = 0; row < layout.rows; row += 1) {
    const here = results.slice(row * columns, (row + 1) * columns);
    const tiles = await Promise.all(
      here.map(async ({ path, available, mounted }, i): Promise<Tile> => {
        const picture = available
          ? await photo(path, frame)
          : ({ kind: 'none', reason: mounted ? 'Drive away or deleted' : 'Not on this machine' } as const);
        return { picture, x: margin + i * (frame.width + gap), ...frame };
      }),
    );
    const captions = here.map((result, i) => captionMarks(result, asShown, tiles[i]?.x ?? 0, layout, lettering));
    const strip = { width: size.width, height: rowHeight - gap };
    await drawStrip(canvas, strip, firstRow + row * rowHeight, [...captions, ...emptyTiles(tiles)], tiles);
  }
  return encode(canvas, size, format);
}

/** Query photos stand close together, each in its own shape. */
function sideBySide(pictures: readonly Thumbnail[], { margin, gap, queryFrame }: SheetLayout): Tile[] {
  const tiles: Tile[] = [];
  let x = margin;
  for (const picture of pictures) {
    const { width, height } = picture.kind === 'picture' ? picture : queryFrame;
    tiles.push({ picture, x, width, height });
    x += width + gap;
  }
  return tiles;
}

/** Draws SVG marks across the sheet from `y` down, and the pictures over them, centred in their tiles. */
async function drawStrip(
  canvas: Canvas,
  size: Size,
  y: number,
  marks: readonly string[],
  tiles: readonly Tile[],
): Promise<void> {
  const { default: sharp } = await import('sharp');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}">${marks.join('')}</svg>`;
  const drawn = sharp(Buffer.from(svg)).flatten({ background: GROUND }).toColourspace('srgb').raw();
  canvas.place(await drawn.toBuffer(), size, 0, y);
  for (const { picture, x, width, height } of tiles) {
    if (picture.kind === 'none') continue;
    const left = x + Math.floor((width - picture.width) / 2);
    canvas.place(picture.data, picture, left, y + Math.floor((height - picture.height) / 2));
  }
}

async function encode(canvas: Canvas, { width, height }: Size, format: ImageFormat): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  const picture = sharp(canvas.pixels, { raw: { width, height, channels: 3 } }).withExif({
    IFD0: { Software: 'curate', ImageDescription: SHEET_MARK },
  });
  if (format === 'png') return picture.png().toBuffer();
  if (format === 'webp') return picture.webp({ quality: 88, smartSubsample: true }).toBuffer();
  return picture.jpeg({ quality: 88, chromaSubsampling: '4:4:4' }).toBuffer();
}

/** RGB rows that pictures are copied onto: thousands of pictures cost no more than their pixels. */
class Canvas {
  readonly pixels: Uint8Array;
  readonly #width: number;

  /** `ground` is "#rrggbb". */
  constructor({ width, height }: Size, ground: string) {
    this.pixels = new Uint8Array(width * height * 3);
    this.#width = width;
    const color = Buffer.from(ground.slice(1), 'hex');
    for (let i = 0; i < this.pixels.length; i += 3) this.pixels.set(color, i);
  }

  /** Copies RGB rows with their upper left corner to (x, y); they must lie inside. */
  place(pixels: Uint8Array, { width, height }: Size, x: number, y: number): void {
    for (let row = 0; row < height; row += 1) {
      this.pixels.set(pixels.subarray(row * width * 3, (row + 1) * width * 3), ((y + row) * this.#width + x) * 3);
    }
  }
}
