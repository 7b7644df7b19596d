import { isUtf8 } from 'node:buffer';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { interruptedError, messageOf, systemErrorCode, UserError, usageError } from '../../errors.ts';
import { typedPath } from '../../files/typed-path.ts';
import { parseList } from '../../library/query/parse.ts';
import type { ResolveDeps } from '../../library/query/resolve.ts';
import { listed } from '../../output/text.ts';
import type { World } from '../../world.ts';
import { gather } from './options.ts';

export interface QueryFlags {
  not?: string[];
  from?: string[];
}

export function addQueryOptions(command: Command): Command {
  return command
    .option('--not <query>', 'away from this photo or word (may be repeated)', gather)
    .option(
      '--from <file>',
      'further queries from a list, separated by NUL or line; - is standard input (may be repeated)',
      gather,
    );
}

/** What was asked for, as it was typed. */
export interface Asked {
  /** In the order of the arguments, then of the list. */
  readonly wanted: readonly string[];
  readonly unwanted: readonly string[];
  readonly deps: ResolveDeps;
  /** Forgets what came on standard input. */
  close(): Promise<void>;
}

/** @throws UserError `usage`, `list_unreadable` */
export async function readAsked(
  world: World,
  dataFolder: string,
  args: readonly string[],
  { not = [], from = [] }: QueryFlags,
): Promise<Asked> {
  const wanted = [...args];
  const lists = new Set(from);
  for (const list of lists) wanted.push(...parseList(await readList(world, list)));
  if (wanted.length === 0 && lists.size > 0) {
    const names = [...lists].map((list) => (list === '-' ? 'on standard input' : list));
    throw usageError(
      `There is nothing to search for: the list${lists.size === 1 ? '' : 's'} ${listed(names)} ${lists.size === 1 ? 'is' : 'are'} empty.`,
      'Put a photo or word on each line.',
    );
  }
  if (wanted.length === 0) {
    throw usageError(
      `There is nothing to search for${not.length === 0 ? '' : ', only what to be away from'}.`,
      'Name a photo or a word: curate search holiday.jpg, curate search beach',
    );
  }
  let folder: string | null = null;
  let reading: Promise<string> | null = null;
  const read = async (): Promise<string> => {
    if (lists.has('-'))
      throw usageError(
        'The list is on standard input, which cannot be a photo as well.',
        'Name a file for one of them.',
      );
    const bytes = await readAll(world);
    if (bytes.length === 0)
      throw usageError('There is no photo on standard input: it is empty.', 'Name a photo instead of -.');
    folder = await mkdtemp(join(world.tmp, 'curate-query-'));
    const file = join(folder, 'photo');
    await writeFile(file, bytes, { mode: 0o600 });
    return file;
  };
  const standardInput = (): Promise<string> => {
    reading ??= read();
    return reading;
  };
  return {
    wanted,
    unwanted: not,
    deps: { cwd: world.cwd, dataFolder, standardInput },
    close: async () => {
      if (folder !== null) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readList(world: World, from: string): Promise<string> {
  const unreadable = (reason: string, cause?: unknown): UserError =>
    new UserError(
      'list_unreadable',
      `The list ${from === '-' ? 'on standard input' : from} cannot be read: ${reason}.`,
      {
        hint: 'Name a text file with a photo or word on each line.',
        cause,
      },
    );
  const reading = from === '-' ? readAll(world) : readFile(typedPath(world.cwd, from));
  const bytes = await reading.catch((error: unknown) => {
    if (from === '-') throw error;
    const reasons: Readonly<Record<string, string>> = { ENOENT: 'it does not exist', EISDIR: 'it is a folder' };
    throw unreadable(reasons[systemErrorCode(error) ?? ''] ?? messageOf(error), error);
  });
  // Windows PowerShell writes UTF-16, with a mark in front; others put one in front of UTF-8.
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  if (!isUtf8(bytes)) {
    const { sniff } = await import('../../photos/sniff.ts');
    if (sniff(bytes).kind !== 'other') throw unreadable('it is a photo itself');
  }
  return new TextDecoder().decode(bytes);
}

/** Ctrl-C closes the input, which would keep the process waiting. */
async function readAll({ stdin, interrupted }: World): Promise<Buffer> {
  return buffer(addAbortSignal(interrupted, stdin)).catch((error: unknown) => {
    throw interrupted.aborted ? interruptedError() : error;
  });
}
