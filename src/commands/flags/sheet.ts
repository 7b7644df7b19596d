import { dirname } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { usageError } from '../../errors.ts';
import type { SheetContents } from '../../output/sheet/contents.ts';
import { realFolderOf, wholeNumber } from './options.ts';

/** Whether and how a contact sheet is made. */
export interface SheetFlags {
  sheet?: string;
  columns?: number;
  linkBase?: string;
}

export function addSheetOptions(command: Command): Command {
  return command
    .option('--sheet <file>', 'write a contact sheet: .html, or a picture: .jpg, .png, .webp')
    .option('--columns <n>', 'photos side by side on the sheet', wholeNumber(1, 100))
    .option(
      '--link-base <url>',
      'what a page links the photos below its folder by (default: relative to the page)',
      url,
    );
}

function url(text: string): string {
  if (URL.canParse(text)) return text;
  throw new InvalidArgumentError('It must be an address, such as https://nas.local/photos.');
}

/** @throws UserError `usage` for wishes about a sheet that is not asked for */
export function sheetWishes(
  cwd: string,
  { sheet, columns, linkBase }: SheetFlags,
): Pick<SheetContents, 'columns' | 'links'> {
  if (sheet === undefined) {
    if (columns === undefined && linkBase === undefined) return {};
    throw usageError('--columns and --link-base say how a sheet looks.', 'Add --sheet FILE.');
  }
  const folder = realFolderOf(cwd, dirname(sheet));
  return {
    ...(columns === undefined ? {} : { columns }),
    links: { url: linkBase ?? '', folder },
  };
}
