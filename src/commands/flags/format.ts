import { type Command, InvalidArgumentError, Option } from 'commander';
import { usageError } from '../../errors.ts';
import { FIELDS, type Field, FORMATS, type Layout, type ListFormat } from '../../output/result-row.ts';
import { notEmpty, realFolderOf } from './options.ts';

/** In what form the results are printed. */
export interface FormatFlags {
  as?: ListFormat | 'json';
  fields?: Field[];
  relativeTo?: string;
  failEmpty?: boolean;
  print0?: boolean;
  json?: boolean;
}

export function addFormatOptions(command: Command): Command {
  return command
    .addOption(new Option('--as <format>', 'how the photos are printed (default: table)').choices([...FORMATS, 'json']))
    .option('--fields <names>', `what is printed of each, with commas: ${FIELDS.join(', ')}`, fields)
    .option('--relative-to <folder>', 'print paths relative to this folder', notEmpty)
    .option('--fail-empty', 'end with exit code 1 when nothing is found');
}

function fields(text: string): Field[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(FIELDS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`There is no field "${unknown}"; there are ${FIELDS.join(', ')}.`);
  }
  return names as Field[];
}

/** Whether one JSON document is wanted, however that was said. @throws UserError `usage` for two formats at once */
export function wantsJson({ as, json, print0 }: FormatFlags): boolean {
  const named = [json ? '--json' : null, print0 ? '--print0' : null, as === undefined ? null : `--as ${as}`];
  const [first, second] = named.filter((name) => name !== null);
  if (second !== undefined && !(json && as === 'json' && !print0)) {
    throw usageError(`${first} and ${second} exclude each other.`, 'Choose one.');
  }
  return json === true || as === 'json';
}

/** The form that is no JSON. */
export function listFormat({ as = 'table' }: FormatFlags): ListFormat {
  return as === 'json' ? 'table' : as;
}

/** Whether the results are to be read by a program, which goes on with the paths. */
export function isForPrograms(flags: FormatFlags): boolean {
  return flags.json === true || flags.print0 === true || listFormat(flags) !== 'table';
}

export function layoutOf(cwd: string, { fields, relativeTo }: FormatFlags): Layout {
  return {
    ...(fields === undefined ? {} : { fields }),
    ...(relativeTo === undefined ? {} : { relativeTo: realFolderOf(cwd, relativeTo) }),
  };
}
