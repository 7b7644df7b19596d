import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { systemErrorCode, UserError, whyUnwritten } from '../../errors.ts';
import { writeNew, writeWhole } from '../../files/atomic-write.ts';
import { makeFolders } from '../../files/folders.ts';
import { apiParameters } from '../../picture/image-models/parameters.ts';
import { nameFromPrompt } from '../../picture/names.ts';
import type { Offer } from '../../picture/offer.ts';
import { sentName } from '../../picture/plan.ts';
import { version } from '../../version.ts';
import { type DryRun, dryRunPage } from './dry-run-page.ts';

interface Place {
  readonly cwd: string;
  /** Absolute; null makes a new folder. */
  readonly out: string | null;
  /** Of the picture that was named in `out`; null makes `out` itself the folder of the dry run. */
  readonly stem: string | null;
  readonly force: boolean;
  readonly now: Date;
}

/**
 * Writes the very bytes that would be sent, a manifest and a page that shows them. Without `out` a new folder named
 * after the prompt is made in `cwd`. @returns the folder @throws UserError `exists`, `cannot_write`
 */
export async function writeDryRun(offer: Offer, { cwd, out, stem, force, now }: Place): Promise<string> {
  const run = dryRunOf(offer, now);
  const isNew = out === null || stem !== null;
  const target = isNew ? join(out ?? cwd, `${stem ?? nameFromPrompt(run.prompt)}.dry-run`) : out;
  try {
    const folder = isNew ? await makeFreeFolder(target) : target;
    await makeFolders(folder);
    await writeFiles(run, folder, force);
    return folder;
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw new UserError(
      'cannot_write',
      `The dry run ${target}${sep} cannot be written: ${whyUnwritten(target, error)}.`,
      {
        hint: 'Choose another folder: --out FOLDER',
        cause: error,
      },
    );
  }
}

function dryRunOf(offer: Offer, now: Date): DryRun {
  const { verb, endpoint, conversation, model, prompt, text, parameters, references, unused, estimate, dropped } =
    offer;
  return {
    verb,
    created: now.toISOString(),
    curate: version(),
    endpoint,
    api: conversation === null ? 'images.edit' : 'responses',
    model: model.id,
    prompt,
    text,
    parameters: apiParameters(parameters),
    references,
    unused,
    estimate,
    dropped,
  };
}

async function writeFiles(run: DryRun, folder: string, force: boolean): Promise<void> {
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    ...run.references.map(({ reference }, i) => [sentName(i), reference.bytes] as const),
    ['manifest.json', `${JSON.stringify(manifest(run), null, 2)}\n`],
    ['index.html', dryRunPage(run)],
  ];
  if (!force) await demandFree(folder, files);
  for (const [name, bytes] of files) {
    const file = join(folder, name);
    if (force) await writeWhole(file, bytes);
    else if (!(await writeNew(file, bytes))) throw taken(file);
  }
}

function manifest(run: DryRun): Record<string, unknown> {
  const { references, unused, ...rest } = run;
  return {
    schema: 'curate.dry-run/1',
    ...rest,
    references: references.map(({ reference, role, score, reason }, i) => ({
      file: sentName(i),
      path: reference.file,
      role,
      score,
      reason,
      sha256: reference.sha256,
      sentSha256: reference.sentSha256,
      sentBytes: reference.bytes.length,
      width: reference.width,
      height: reference.height,
      tokens: reference.tokens,
    })),
    unused: unused.map(({ file, score, reason }) => ({ path: file, score, reason })),
  };
}

async function makeFreeFolder(base: string): Promise<string> {
  await makeFolders(dirname(base));
  for (let number = 1; ; number += 1) {
    const folder = number === 1 ? base : `${base}-${number}`;
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** Also pictures of an earlier run that this one would not replace: the folder must show one request alone. */
async function demandFree(folder: string, files: readonly (readonly [string, unknown])[]): Promise<void> {
  const names = new Set(files.map(([name]) => name));
  const found = (await readdir(folder)).find((name) => names.has(name) || /^reference-\d+\.jpg$/.test(name));
  if (found !== undefined) throw taken(join(folder, found));
}

function taken(file: string): UserError {
  return new UserError('exists', `${file} exists already.`, {
    hint: 'Choose another --out, or add --force to replace it.',
    kind: 'refused',
  });
}
