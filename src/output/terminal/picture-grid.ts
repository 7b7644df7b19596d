import { basename } from 'node:path';
import stringWidth from 'string-width';
import type { RenderPhoto } from '../../photos/render.ts';
import type { World } from '../../world.ts';
import { printable } from '../text.ts';
import { drawing, protocolOn } from './draw-picture.ts';
import { shortenMiddle } from './shorten.ts';
import { askForSixel, type CellPixels, sixels } from './sixel.ts';

export interface GridPhoto {
  /** Absolute. */
  readonly file: string;
  /** Before its name: "3" or "3  0.912". */
  readonly label: string;
  /** False when there is nothing to draw. */
  readonly available: boolean;
}

/** Terminal cells of a photo, which are about twice as high as wide, so that 8:3 of them are 4:3. */
export interface Cells {
  readonly width: number;
  readonly height: number;
}

const SMALL: Cells = { width: 24, height: 9 };
/** Between photos. */
const GAP = 2;
/** A single photo is this wide at most. */
const WIDEST = 80;
/** Pixels of a cell where a terminal scales pictures to their cells, and of one that two half-blocks fill. */
const DRAWN: CellPixels = { width: 10, height: 20 };
const HALVES: CellPixels = { width: 1, height: 2 };
/** Pixels of a row of sixels: a picture that ends within one takes a line of the terminal more. */
const SIXEL_HEIGHT = 6;
const GROUND = '#000000';

/** A photo that could not be read: its place stays dark. */
export interface Undrawn {
  readonly file: string;
  /** A clause: "is damaged". */
  readonly reason: string;
}

/** RGB rows of a strip, `width` x `height` pixels. */
interface Strip {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** The largest place for each of so many photos with which all fit into so many cells; no smaller than is of use. */
export function placeFor(photos: number, room: Cells): Cells {
  for (let perRow = 1; perRow <= photos; perRow += 1) {
    const width = Math.min(WIDEST, Math.floor((room.width + GAP) / perRow) - GAP);
    const cells = { width, height: Math.ceil((width * 3) / 8) };
    // Each with its name and a line between the rows.
    if (Math.ceil(photos / perRow) * (cells.height + 2) <= room.height) return width < SMALL.width ? SMALL : cells;
  }
  return SMALL;
}

/**
 * Draws photos on the terminal behind standard output, in the best way that it says it knows. What is typed while it is
 * asked is lost.
 * @returns the photos that could not be read
 */
export async function drawPhotos(world: World, render: RenderPhoto, photos: readonly GridPhoto[]): Promise<Undrawn[]> {
  return drawGrid(world, render, photos, world.stdout.columns || USUAL_COLUMNS, { sixel: await sixelOn(world) });
}

/** Where there is no terminal to ask. */
const USUAL_COLUMNS = 80;

/**
 * Photos side by side in rows, each with its label and name below, as wide as the terminal (`columns`) allows.
 * @param cells The place of each
 * @param sixel For a terminal that draws sixels: see `askForSixel`
 * @returns the photos that could not be read
 */
export async function drawGrid(
  world: World,
  render: RenderPhoto,
  photos: readonly GridPhoto[],
  columns: number,
  {
    cells = photos.length === 1 ? large(columns) : SMALL,
    sixel = null,
  }: { readonly cells?: Cells; readonly sixel?: CellPixels | null } = {},
): Promise<Undrawn[]> {
  const undrawn: Undrawn[] = [];
  const perRow = Math.max(1, Math.min(photos.length, Math.floor((columns + GAP) / (cells.width + GAP))));
  const protocol = protocolOn(world, world.stdout);
  const pixels = protocol !== null ? DRAWN : (sixel ?? HALVES);
  for (let first = 0; first < photos.length; first += perRow) {
    if (world.interrupted.aborted) break;
    const row = photos.slice(first, first + perRow);
    const { strip, faults } = await stripOf(render, row, cells, pixels);
    undrawn.push(...faults);
    // Of nothing but one photo that cannot be read there is nothing to see.
    if (photos.length === 1 && faults.length === 1) break;
    if (protocol !== null) world.stdout.write(`${drawing(protocol, await png(strip), strip.width / pixels.width)}\n`);
    else if (sixel !== null) world.stdout.write(`${await sixels(strip.data, strip.width, strip.height)}\n`);
    else world.stdout.write(halfBlocks(strip));
    world.stdout.write(
      `${row
        .map((photo) => caption(photo, cells))
        .join(' '.repeat(GAP))
        .trimEnd()}\n\n`,
    );
  }
  return undrawn;
}

/** What `drawGrid` is to know of the terminal; one that draws pictures in a better way is not asked. */
export async function sixelOn(world: World): Promise<CellPixels | null> {
  return protocolOn(world, world.stdout) === null ? askForSixel(world) : null;
}

function large(columns: number): Cells {
  const width = Math.min(columns, WIDEST);
  return { width, height: Math.ceil((width * 3) / 8) };
}

function caption({ file, label }: GridPhoto, cells: Cells): string {
  const before = label === '' ? '' : `${label}  `;
  const room = cells.width - before.length;
  const text = `${before}${shortenMiddle(printable(basename(file)), room, stringWidth)}`;
  return text + ' '.repeat(Math.max(0, cells.width - stringWidth(text)));
}

async function stripOf(
  render: RenderPhoto,
  photos: readonly GridPhoto[],
  cells: Cells,
  pixels: CellPixels,
): Promise<{ readonly strip: Strip; readonly faults: readonly Undrawn[] }> {
  const height = cells.height * pixels.height;
  const box = { width: cells.width * pixels.width, height: height - (height % (pixels === HALVES ? 2 : SIXEL_HEIGHT)) };
  const width = (photos.length * (cells.width + GAP) - GAP) * pixels.width;
  const data = Buffer.alloc(width * box.height * 3);
  const faults = await Promise.all(
    photos.map(async ({ file, available }, i): Promise<Undrawn[]> => {
      if (!available) return [];
      const picture = await render({ file, box, as: { format: 'rgb' }, background: GROUND, whole: false });
      if (picture.kind === 'fault') return [{ file, reason: picture.fault.reason }];
      const left = i * (cells.width + GAP) * pixels.width + Math.floor((box.width - picture.width) / 2);
      const top = Math.floor((box.height - picture.height) / 2);
      for (let y = 0; y < picture.height; y += 1) {
        const line = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3);
        data.set(line, ((top + y) * width + left) * 3);
      }
      return [];
    }),
  );
  return { strip: { data, width, height: box.height }, faults: faults.flat() };
}

async function png({ data, width, height }: Strip): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** Two pixels a cell: the upper in the colour of the text, the lower in that of the ground. */
export function halfBlocks({ data, width, height }: Strip): string {
  const colour = (x: number, y: number): string => {
    const at = (y * width + x) * 3;
    return `${data[at] ?? 0};${data[at + 1] ?? 0};${data[at + 2] ?? 0}`;
  };
  let text = '';
  for (let y = 0; y < height; y += 2) {
    let last = '';
    for (let x = 0; x < width; x += 1) {
      const style = `\x1b[38;2;${colour(x, y)};48;2;${y + 1 < height ? colour(x, y + 1) : '0;0;0'}m`;
      text += `${style === last ? '' : style}▀`;
      last = style;
    }
    text += '\x1b[0m\n';
  }
  return text;
}
