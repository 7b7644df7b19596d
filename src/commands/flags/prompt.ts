import { readdir, readFile } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { interruptedError, messageOf, systemErrorCode, UserError, usageError } from '../../errors.ts';
import { typedPath } from '../../files/typed-path.ts';
import type { World } from '../../world.ts';

export interface PromptFlags {
  promptFile?: string;
  example?: string;
}

const EXAMPLES = fileURLToPath(new URL('../../../examples/prompts/', import.meta.url));

/** The prompt as the person wrote it, from wherever they wrote it. @throws UserError usage */
export async function readPrompt(world: World, argument: string | undefined, flags: PromptFlags): Promise<string> {
  const sources = [argument, flags.promptFile, flags.example].filter((source) => source !== undefined);
  if (sources.length === 0) {
    throw usageError(
      'There is no prompt.',
      'Say what to make: curate comic PHOTO "a four-panel comic", or --example NAME, --prompt-file FILE, or - for standard input.',
    );
  }
  if (sources.length > 1)
    throw usageError('There is more than one prompt.', 'Choose one of PROMPT, --prompt-file and --example.');
  const prompt = await read(world, argument, flags);
  if (prompt.trim() === '') throw usageError('The prompt is empty.', 'Say what to make.');
  return prompt;
}

async function read(world: World, argument: string | undefined, { promptFile, example }: PromptFlags): Promise<string> {
  if (argument === '-' || promptFile === '-') return textOf(await readAll(world), 'Standard input');
  if (argument !== undefined) return argument;
  if (example !== undefined) return readExample(example);
  const file = promptFile ?? '';
  const bytes = await readFile(typedPath(world.cwd, file)).catch((error: unknown) => {
    const reason = REASONS[systemErrorCode(error) ?? ''] ?? messageOf(error);
    throw unreadable(`The prompt file ${file} cannot be read: ${reason}.`, error);
  });
  return textOf(bytes, `The prompt file ${file}`);
}

/** Ctrl-C closes the input, which would keep the process waiting. */
async function readAll({ stdin, interrupted }: World): Promise<Buffer> {
  return buffer(addAbortSignal(interrupted, stdin)).catch((error: unknown) => {
    throw interrupted.aborted ? interruptedError('Interrupted; nothing was sent.') : error;
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENAMETOOLONG: 'its name is too long',
  EISDIR: 'it is a folder',
};

function unreadable(message: string, cause: unknown): UserError {
  return new UserError('prompt_unreadable', message, { hint: 'Name a text file.', cause });
}

async function readExample(name: string): Promise<string> {
  const names = (await readdir(EXAMPLES)).flatMap((file) => (file.endsWith('.txt') ? [file.slice(0, -4)] : [])).sort();
  if (names.includes(name)) return textOf(await readFile(`${EXAMPLES}${name}.txt`), name);
  throw usageError(`There is no example "${name}".`, `There are: ${names.join(', ')}.`);
}

/** Text in UTF-8, without a byte order mark and the line break at the end, which editors write and nobody meant. */
function textOf(bytes: Uint8Array, source: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(`${source} is no text in UTF-8.`, error);
  }
  return text.replace(/(\r?\n)+$/, '');
}
