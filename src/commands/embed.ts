import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { Command } from 'commander';
import type { Embedder, PhotoFault } from '../embedding/port.ts';
import { interruptedError, systemErrorCode, UserError, usageError, whyUnwritten } from '../errors.ts';
import { writeWhole } from '../files/atomic-write.ts';
import { typedPath } from '../files/typed-path.ts';
import { writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import type { World } from '../world.ts';
import { type Act, type Context, details, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jobsOption, jsonOption, modelOption } from './flags/options.ts';

interface EmbedFlags {
  out?: string;
  exact?: boolean;
  model?: string;
  jobs?: number;
  json?: boolean;
}

export function embedCommand(act: Act): Command {
  return new Command('embed')
    .description('print the vector of each photo as a line of JSON, or write them all as a NumPy array')
    .argument('<photo...>', 'photos')
    .option('--out <file.npy>', 'write float32 [photos, dim] here, and which row is which photo to file.json')
    .option('--exact', 'decode every photo in full: slower, agrees with the reference to a cosine of 0.9999')
    .addOption(modelOption())
    .addOption(jobsOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('curate embed holiday.jpg | jq -c ".vector[:4]"', 'curate embed ~/Photos/2025/*.jpg --out 2025.npy'),
    )
    .addHelpText(
      'after',
      details(
        'A photo that cannot be read has an error in place of its vector, and a row of NaN in the array; the exit code is 3.',
      ),
    )
    .action(act(embed, { graceful: true }));
}

async function embed(context: Context, photos: string[], flags: EmbedFlags): Promise<ExitCode> {
  const { world } = context;
  const settings = context.settings({ model: flags.model });
  const [{ resolveModel }, { openEmbedder }] = await Promise.all([
    import('../embedding/models.ts'),
    import('../embedding/embedder.ts'),
  ]);
  const model = await resolveModel(world, settings);
  const files = photos.map((photo) => typedPath(world.cwd, photo));
  const { exact = false, jobs = world.cores } = flags;
  const cacheDir = join(settings.paths.cache, 'models');
  const embedder = await openEmbedder(world, model, { cacheDir, exact, jobs: Math.min(jobs, files.length) });
  const close = (): void => void embedder.close();
  world.interrupted.addEventListener('abort', close, { once: true });
  // A Ctrl-C that came before this is no event any more.
  if (world.interrupted.aborted) close();
  try {
    const out = flags.out === undefined ? null : resolve(world.cwd, flags.out);
    const failed =
      out === null ? await printLines(world, embedder, files) : await writeArray(world, embedder, files, out);
    return failed > 0 ? ExitCode.somePhotosFailed : ExitCode.done;
  } catch (error) {
    throw world.interrupted.aborted ? interruptedError() : error;
  } finally {
    world.interrupted.removeEventListener('abort', close);
    await embedder.close();
  }
}

/** One line of JSON per photo, in the order of the arguments. Returns how many could not be embedded. */
async function printLines(world: World, embedder: Embedder, files: readonly string[]): Promise<number> {
  const [{ embedDocument }, { embedInOrder }] = await Promise.all([
    import('../output/documents/library.ts'),
    import('../library/embed-photos.ts'),
  ]);
  let failed = 0;
  // `curate embed ... | head` has read enough. The stream itself forgets its error again (Node's stdout never closes).
  const gone = new AbortController();
  world.stdout.once('error', () => gone.abort());
  for await (const found of embedInOrder(embedder, files)) {
    if (found.kind === 'fault') {
      failed += 1;
      sayFault(world, found.file, found.fault);
    }
    await write(world.stdout, `${JSON.stringify(embedDocument(found, embedder.model))}\n`);
    if (gone.signal.aborted) break;
  }
  return failed;
}

/** Waits for a slow reader. */
async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (stream.write(text)) return;
  // A reader that goes away while it is waited for is noticed by the listener above.
  await once(stream, 'drain').catch(() => undefined);
}

/** A NumPy array, and beside it which row is which photo. Returns how many rows are NaN. */
async function writeArray(world: World, embedder: Embedder, files: readonly string[], out: string): Promise<number> {
  const { dim } = embedder.model;
  const ending = extname(out).toLowerCase();
  if (ending !== '' && ending !== '.npy') {
    throw usageError(
      `--out writes a NumPy array, whose name ends in .npy; ${basename(out)} ends in ${ending}.`,
      'Name it FILE.npy.',
    );
  }
  const index = out.replace(/(\.npy)?$/i, '.json');
  await refuseForeign(index);
  const failed: ({ readonly row: number; readonly path: string } & PhotoFault)[] = [];
  const [{ arrayDocument }, { embedInOrder }, { NpyWriter }, { createProgress }] = await Promise.all([
    import('../output/documents/library.ts'),
    import('../library/embed-photos.ts'),
    import('../output/exports/npy.ts'),
    import('../output/terminal/progress.ts'),
  ]);
  const array = await writable(out, () => NpyWriter.create(out, files.length, dim));
  const progress = createProgress(world, 'Embedding');
  try {
    const nothing = new Float32Array(dim).fill(Number.NaN);
    for await (const found of embedInOrder(embedder, files)) {
      const { row, file } = found;
      if (found.kind === 'fault') {
        failed.push({ row, path: file, ...found.fault });
        sayFault(world, file, found.fault);
      }
      await writable(out, () => array.writeRow(row, found.kind === 'embedded' ? found.photo.vector : nothing));
      progress.update(row + 1, files.length, { failed: failed.length });
    }
    const about = arrayDocument(embedder.model, files, failed);
    await writable(index, () => writeWhole(index, `${JSON.stringify(about, null, 2)}\n`));
    await writable(out, () => array.finish());
  } catch (error) {
    await array.abandon();
    throw error;
  } finally {
    progress.finish();
  }
  writeLine(world.stderr, `Wrote ${count(files.length, 'row')} of ${dim} to ${out}, their photos to ${index}.`);
  return failed.length;
}

function sayFault(world: World, file: string, { reason }: PhotoFault): void {
  writeLine(world.stderr, `curate: ${file} ${reason}`);
}

/** `--out model.npy` must not replace the description that stands beside a custom model. */
async function refuseForeign(index: string): Promise<void> {
  const { EMBED_SCHEMA } = await import('../output/documents/library.ts');
  const text = await readFile(index, 'utf8').catch(() => null);
  if (text === null || text.includes(EMBED_SCHEMA)) return;
  throw new UserError('out_exists', `${index} would be replaced, and "curate embed" did not write it.`, {
    hint: 'Give --out another name.',
    kind: 'refused',
  });
}

async function writable<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    const full = systemErrorCode(error) === 'ENOSPC';
    throw new UserError(
      full ? 'disk_full' : 'out_unwritable',
      `${file} cannot be written: ${whyUnwritten(file, error)}.`,
      {
        hint: full ? 'Make room, or give --out a place on another disk.' : 'Give --out a place you may write to.',
        cause: error,
      },
    );
  }
}
