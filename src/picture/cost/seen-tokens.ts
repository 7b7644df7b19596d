import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../../files/atomic-write.ts';
import { makeOwnFolders } from '../../files/folders.ts';
import type { Parameters, Quality } from '../port.ts';
import { outputTokensOf } from './cost.ts';

/** Output tokens of one picture, as the last reply of its kind reported them. */
export type SeenTokens = (quality: Quality) => number | null;

const schema = z.record(z.string(), z.number().positive());
type Notes = z.infer<typeof schema>;

const fileIn = (dataFolder: string): string => join(dataFolder, 'picture-tokens.json');

type Kind = Pick<Parameters, 'size' | 'complexity'>;

const keyOf = (model: string, { size, complexity }: Kind, quality: Quality): string =>
  [model, size, quality, complexity ?? 'default'].join(' ');

/** What one's own replies say of a model whose tokens are not published. A damaged note says nothing. */
export async function readSeenTokens(dataFolder: string, model: string, kind: Kind): Promise<SeenTokens> {
  const notes = await readNotes(dataFolder);
  return (quality) => notes[keyOf(model, kind, quality)] ?? null;
}

/** Notes what a reply reported. Partial pictures cost extra, so that a stream says nothing of one picture. */
export async function noteSeenTokens(
  dataFolder: string,
  model: string,
  parameters: Parameters,
  { usage, pictures }: { readonly usage: unknown; readonly pictures: number },
): Promise<void> {
  const tokens = outputTokensOf(usage);
  if (tokens === null || tokens === 0 || pictures !== parameters.n || parameters.partialImages !== null) return;
  const file = fileIn(dataFolder);
  const key = keyOf(model, parameters, parameters.quality);
  const notes = { ...(await readNotes(dataFolder)), [key]: Math.ceil(tokens / pictures) };
  await makeOwnFolders(dirname(file));
  await writeWhole(file, `${JSON.stringify(notes)}\n`, 0o600);
}

async function readNotes(dataFolder: string): Promise<Notes> {
  try {
    return schema.parse(JSON.parse(await readFile(fileIn(dataFolder), 'utf8')));
  } catch {
    return {};
  }
}
