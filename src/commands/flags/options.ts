import { realpathSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import { DEVICES } from '../../embedding/device.ts';
import { typedPath } from '../../files/typed-path.ts';
import type { LeastScore } from '../../library/ranking/likeness.ts';

/** A number as people write it; NaN for anything else, such as 0x10, 1e3 and Infinity. */
export function decimal(text: string): number {
  return /^\s*[-+]?(\d+\.?\d*|\.\d+)\s*$/.test(text) ? Number(text) : Number.NaN;
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = decimal(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

export function numberBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = decimal(text);
    if (Number.isFinite(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  };
}

/** A cosine, or how alike photos are in words: "alike", "very alike" (or "very-alike"), "related". */
export function leastScore(text: string): LeastScore {
  const words = text
    .trim()
    .toLowerCase()
    .replace(/[-\s]+/g, ' ');
  const level = (['very alike', 'alike', 'related'] as const).find((one) => one === words);
  if (level !== undefined) return level;
  const value = decimal(text);
  if (value >= -1 && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from -1 to 1, or one of related, alike, very-alike.');
}

/** Gathers an option that may be given several times; absent when it is never given. */
export function gather(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/** "" is what a script's variable holds that was never set; as a folder it would be the current one. */
export function notEmpty(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

export function gatherNotEmpty(text: string, earlier: readonly string[] = []): string[] {
  return gather(notEmpty(text), earlier);
}

/** Where a folder lies, absolute and whatever links lead there, as the paths of photos do; as it was named where it is not there. */
export function realFolderOf(cwd: string, folder: string): string {
  const named = typedPath(cwd, folder);
  try {
    return realpathSync(named);
  } catch {
    return named;
  }
}

export const jsonOption = (): Option => new Option('--json', 'print one JSON document and nothing else on stdout');

export const modelOption = (): Option =>
  new Option(
    '--model <id>',
    'model id from "curate model list", or a FILE.onnx with FILE.json beside it (CURATE_MODEL)',
  );

export const jobsOption = (): Option =>
  new Option('--jobs <n>', 'photos embedded side by side (default: the cores this process may use)').argParser(
    wholeNumber(1, 256),
  );

export const deviceOption = (): Option =>
  new Option('--device <name>', 'where the model runs; the processor serves where another device cannot')
    .choices([...DEVICES])
    .default('cpu');
