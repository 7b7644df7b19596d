import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { messageOf, systemErrorCode, UserError, usageError } from '../errors.ts';
import type { World } from '../world.ts';

export interface PromptFlags {
  promptFile?: string;
  example?: string;
}

const EXAMPLES = fileURLToPath(new URL('../../examples/prompts/', import.meta.url));

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
  if (argument === '-' || promptFile === '-') return withoutLastBreak(await readAll(world.stdin));
  if (argument !== undefined) return argument;
  if (example !== undefined) return withoutLastBreak(await readExample(example));
  const file = promptFile ?? '';
  try {
    return withoutLastBreak(await readFile(resolve(world.cwd, file), 'utf8'));
  } catch (error) {
    const reason = systemErrorCode(error) === 'ENOENT' ? 'it does not exist' : messageOf(error);
    throw new UserError('prompt_unreadable', `The prompt file ${file} cannot be read: ${reason}.`, {
      hint: 'Name a text file.',
      cause: error,
    });
  }
}

async function readExample(name: string): Promise<string> {
  const names = (await readdir(EXAMPLES)).flatMap((file) => (file.endsWith('.txt') ? [file.slice(0, -4)] : [])).sort();
  if (names.includes(name)) return await readFile(`${EXAMPLES}${name}.txt`, 'utf8');
  throw usageError(`There is no example "${name}".`, `There are: ${names.join(', ')}.`);
}

/** Editors end a file with a line break that nobody wrote. */
function withoutLastBreak(text: string): string {
  return text.replace(/^\ufeff/, '').replace(/(\r?\n)+$/, '');
}
