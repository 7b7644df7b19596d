import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { UserError, usageError, whyUnwritten } from '../../errors.ts';
import { writeWhole } from '../../files/atomic-write.ts';
import type { RenderPhoto } from '../../photos/render.ts';
import type { World } from '../../world.ts';
import type { SheetContents } from './contents.ts';
import type { ImageFormat } from './image.ts';

type SheetFormat = 'html' | ImageFormat;

const FORMATS: Readonly<Record<string, SheetFormat>> = {
  '.html': 'html',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.png': 'png',
  '.webp': 'webp',
};

/**
 * Whether a sheet can be written there, asked before a search is made for it.
 * @throws UserError `usage` for another ending, `sheet_write` for a missing or closed folder,
 *   `sheet_over_photo` where a photo stands that is not a sheet itself.
 */
export async function checkSheetFile(world: World, file: string): Promise<SheetFormat> {
  const format = FORMATS[extname(file).toLowerCase()];
  if (format === undefined) {
    throw usageError(
      `A contact sheet cannot be written as ${basename(file)}.`,
      'End its name in .html for a page, or in .jpg, .jpeg, .png or .webp for a picture.',
    );
  }
  const target = resolve(world.cwd, file);
  const folder = await stat(dirname(target)).catch((error: unknown) => {
    throw writeError(target, error);
  });
  if (!folder.isDirectory()) throw writeError(target, Object.assign(new Error(), { code: 'ENOTDIR' }));
  if (await isForeign(target, format)) {
    throw new UserError('sheet_over_photo', `${target} is there already and is not a contact sheet of curate.`, {
      hint: 'Choose another name, so that no photo is lost.',
    });
  }
  return format;
}

/**
 * Writes a contact sheet of the queries and their results: a page or a picture, by the name's ending. The answers to
 * several queries, at least one, are a page in any case.
 * @returns the size of the file in bytes
 * @throws UserError as `checkSheetFile`, and `sheet_too_large`
 */
export async function writeSheet(
  world: World,
  render: RenderPhoto,
  file: string,
  contents: SheetContents | readonly SheetContents[],
): Promise<{ bytes: number }> {
  const format = await checkSheetFile(world, file);
  const target = resolve(world.cwd, file);
  const data = await encode(world, render, contents, format);
  try {
    await writeWhole(target, data);
  } catch (error) {
    throw writeError(target, error);
  }
  return { bytes: Buffer.byteLength(data) };
}

async function encode(
  world: World,
  render: RenderPhoto,
  contents: SheetContents | readonly SheetContents[],
  format: SheetFormat,
): Promise<string | Buffer> {
  if ('length' in contents) return (await import('./page.ts')).renderGroupedPage(world, render, contents);
  if (format === 'html') return (await import('./page.ts')).renderSheetPage(world, render, contents);
  return (await import('./image.ts')).drawSheet(world, render, contents, format);
}

/** A photo must not be lost to a slip of the hand: only what bears our mark is written over. */
async function isForeign(target: string, format: SheetFormat): Promise<boolean> {
  const file = await realpath(target).catch(() => null);
  if (file === null || format === 'html') return false;
  const [{ default: sharp }, { SHEET_MARK }] = await Promise.all([import('sharp'), import('./image.ts')]);
  const exif = await sharp(file)
    .metadata()
    .then(
      (metadata) => metadata.exif,
      () => undefined,
    );
  return !(exif?.includes(SHEET_MARK) ?? false);
}

function writeError(target: string, error: unknown): UserError {
  const because = whyUnwritten(target, error);
  return new UserError('sheet_write', `The contact sheet ${target} cannot be written: ${because}.`, {
    hint: 'Name another place with --sheet FILE.',
    cause: error,
  });
}
