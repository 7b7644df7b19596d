import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { usageError } from '../../errors.ts';
import { typedPath } from '../../files/typed-path.ts';
import type { Restriction } from '../../library/photo-filter.ts';
import { listed } from '../../output/text.ts';
import { FORMATS } from '../../photos/kinds.ts';
import type { Shape } from '../../store/port.ts';
import { gatherNotEmpty, notEmpty, wholeNumber } from './options.ts';

/** Restricts a search to some of the photos. */
export interface FilterFlags {
  in?: string[];
  exclude?: string[];
  after?: Day;
  before?: Day;
  camera?: string;
  name?: string;
  landscape?: boolean;
  portrait?: boolean;
  square?: boolean;
  minSize?: number;
  /** Endings. */
  photoFormat?: string[];
}

/** The start of a day, milliseconds since 1970. */
interface Day {
  /** By cameras' clocks, which are read as if they showed UTC throughout. */
  readonly camera: number;
  /** By this machine's clock, as files' times are shown. */
  readonly here: number;
}

/** @param formatFlag where "--format" says how a picture is to be made, it needs a name of its own */
export function addFilterOptions(command: Command, formatFlag = '--format, --photo-format'): Command {
  return command
    .option('--in <folder>', 'only photos below this folder (may be repeated)', gatherNotEmpty)
    .option('--exclude <pattern>', 'leave out what this pattern in gitignore syntax names (may be repeated)', pattern)
    .option('--after <date>', 'only photos taken on or after this day: 2024, 2024-06, 2024-06-15', day)
    .option('--before <date>', 'only photos taken before this day; a photo without a date goes by its file', day)
    .option('--camera <text>', 'only photos of cameras whose name holds this, in any case', notEmpty)
    .option('--name <glob>', 'only files of such names, in any case: "IMG_2*"', nameGlob)
    .option('--landscape', 'only photos wider than high; with --portrait or --square either')
    .option('--portrait', 'only photos higher than wide')
    .option('--square', 'only photos as wide as high')
    .option('--min-size <pixels>', 'only photos whose short side has so many pixels', wholeNumber(1, 1_000_000))
    .option(
      `${formatFlag} <format>`,
      `only files of this format (may be repeated): ${names}; a RAW beside its JPEG or HEIC counts as that`,
      format,
    );
}

const names = Object.keys(FORMATS).join(', ');

function format(text: string, earlier: readonly string[] = []): string[] {
  const wanted = text.trim().toLowerCase().replace(/^\./, '');
  const endings =
    FORMATS[wanted] ?? Object.entries(FORMATS).find(([name, some]) => name !== 'raw' && some.includes(wanted))?.[1];
  if (endings !== undefined) return [...earlier, ...endings];
  // One maker's RAW files.
  if (FORMATS.raw?.includes(wanted)) return [...earlier, wanted];
  throw new InvalidArgumentError(`It must be one of ${names}.`);
}

/** Patterns are matched with paths in a library, where "./trips" and a folder's absolute path name nothing. */
function pattern(text: string, earlier?: readonly string[]): string[] {
  const isFolderHere = isAbsolute(text) && text.split('/').length > 2 && existsSync(text);
  if (!text.startsWith('./') && !isFolderHere) return gatherNotEmpty(text, earlier);
  throw new InvalidArgumentError('It must be relative to the library: "trips/" anywhere in it, "/trips/" at its top.');
}

function nameGlob(text: string): string {
  if (!text.includes('/')) return notEmpty(text);
  throw new InvalidArgumentError('It must be of names alone; --in and --exclude are for folders.');
}

function day(text: string): Day {
  // Of years below 100 Date makes those of the twentieth century.
  const match = /^([1-9]\d{3})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text.trim());
  if (match !== null) {
    const [year, month, date] = [Number(match[1]), Number(match[2] ?? 1), Number(match[3] ?? 1)];
    const start = new Date(Date.UTC(year, month - 1, date));
    if (start.getUTCMonth() === month - 1 && start.getUTCDate() === date) {
      return { camera: start.getTime(), here: new Date(year, month - 1, date).getTime() };
    }
  }
  throw new InvalidArgumentError('It must be a year, month or day, such as 2024, 2024-06 or 2024-06-15.');
}

/** What the flags restrict a search to. @throws UserError `usage` */
export function restrictionOf(cwd: string, flags: FilterFlags): Restriction {
  const { in: folders, exclude, camera, name, minSize: minSide, photoFormat: endings } = flags;
  const shapes = SHAPES.filter((shape) => flags[shape]);
  return {
    ...(folders === undefined ? {} : { folders: folders.map((folder) => typedPath(cwd, folder)) }),
    ...(exclude === undefined ? {} : { exclude }),
    ...datesOf(flags),
    ...(camera === undefined ? {} : { camera }),
    ...(name === undefined ? {} : { name }),
    ...(shapes.length === 0 ? {} : { shapes }),
    ...(minSide === undefined ? {} : { minSide }),
    ...(endings === undefined ? {} : { endings }),
  };
}

const SHAPES: readonly Shape[] = ['landscape', 'portrait', 'square'];

function datesOf({ after, before }: FilterFlags): Restriction {
  if (after === undefined && before === undefined) return {};
  if (after !== undefined && before !== undefined && after.camera >= before.camera) {
    throw usageError(
      'No photo was taken both after --after and before --before.',
      'Name the earlier day with --after, and the first that is too late with --before: all of 2023 is --after 2023 --before 2024.',
    );
  }
  return {
    ...(after === undefined ? {} : { takenAfterMs: after.camera }),
    ...(before === undefined ? {} : { takenBeforeMs: before.camera }),
    undated: {
      ...(after === undefined ? {} : { afterMs: after.here }),
      ...(before === undefined ? {} : { beforeMs: before.here }),
    },
  };
}

/** The flags that let only some photos through, as they are written; in the order of the help. */
const NAMES = {
  in: '--in',
  exclude: '--exclude',
  after: '--after',
  before: '--before',
  camera: '--camera',
  name: '--name',
  landscape: '--landscape',
  portrait: '--portrait',
  square: '--square',
  minSize: '--min-size',
  photoFormat: '--format',
} as const satisfies Record<keyof FilterFlags, string>;

/** What no photo passed: "--in", "--after, --before and --camera", as they were given; null where none was. */
export function filtersGiven(flags: FilterFlags, formatFlag: string = NAMES.photoFormat): string | null {
  const names = { ...NAMES, photoFormat: formatFlag };
  const given = (Object.keys(NAMES) as (keyof FilterFlags)[]).filter((flag) => flags[flag]).map((flag) => names[flag]);
  return listed(given) || null;
}

/** Folders of --in that are not there, absolute: a slip of the hand, or a drive that is away. */
export function missingFolders(cwd: string, { in: folders = [] }: FilterFlags): string[] {
  return folders.map((folder) => typedPath(cwd, folder)).filter((folder) => !existsSync(folder));
}

/** Whether RAW files are chosen: of a pair the index does not say that there is one. */
export function wantsRaws({ photoFormat = [] }: FilterFlags): boolean {
  return photoFormat.some((ending) => FORMATS.raw?.includes(ending));
}

/** Whether photos are chosen by time, so that it matters what says when one was taken. */
export function isDated({ after, before }: FilterFlags): boolean {
  return after !== undefined || before !== undefined;
}
