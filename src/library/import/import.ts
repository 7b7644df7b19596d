import type { EmbeddingModel } from '../../embedding/port.ts';
import { cosine } from '../../embedding/vector.ts';
import { interruptedError, UserError } from '../../errors.ts';
import { type IndexRun, type IndexRunDeps, runIndex } from '../index/run.ts';
import { ImportedEmbedding } from './imported-embedding.ts';
import { locate, locateByContent, rootsOf, someOf } from './locate.ts';
import type { VectorFile } from './vector-file.ts';

/** Photos that are embedded here, to compare with what the file says. */
const SAMPLE = 20;
/** Other decoders and processors change a vector by less: resized pixels differ by a grey level here and there. */
const SAME_COSINE = 0.99;
/** A photo or two of a sample may have been edited since; more are another model's, or another order of rows. */
const MAY_DIFFER = 0.1;

export interface ImportDeps extends IndexRunDeps {
  onCompared(done: number, total: number): void;
}

export interface ImportRequest {
  /** For messages. */
  readonly name: string;
  /** Absolute folders that hold the photos; none takes those that the file names. */
  readonly roots: readonly string[];
  /** Of the library that the folder belongs to on every machine. */
  readonly library?: string;
}

export interface ImportReport {
  readonly run: IndexRun;
  /** Photos of the file. */
  readonly rows: number;
  /** Whose vectors are in the index now because of this run. */
  readonly taken: number;
  /** Photos that were read, and that the file does not have as they are. */
  readonly left: number;
  readonly compared: { readonly photos: number; readonly lowestCosine: number };
}

/**
 * Takes the vectors of a file into the index: an index run of the folders that embeds nothing, but looks each new or
 * changed photo up in the file, by its content where the file has sha256 sums, else by its path. Before that some of the
 * photos are embedded and compared, so that no vectors of another model get in.
 * @throws UserError `import_...` with what is wrong with the file (refused), and what an index run throws
 */
export async function importVectors(
  deps: ImportDeps,
  vectors: VectorFile,
  request: ImportRequest,
): Promise<ImportReport> {
  const { session } = deps;
  const model = await session.model();
  checkModel(vectors, model, request.name);
  const usable = await vectors.array.unitRows(request.name);
  const byPath = locate(vectors, usable, request.roots);
  const found = byPath.size > 0 ? byPath : await locateByContent(vectors, usable, request.roots, SAMPLE);
  if (found.size === 0) {
    throw new UserError(
      'import_elsewhere',
      `None of the ${vectors.photos.length} photos of ${request.name} is there.`,
      {
        hint: `Name the folder that they are in on this machine: curate import ${request.name} FOLDER`,
        kind: 'refused',
      },
    );
  }
  const roots =
    request.roots.length > 0 ? request.roots : rootsOf([...found.keys()], await (await session.store()).libraries());
  const { compared, wrong } = await compare(deps, vectors, found, request.name);
  const source = new ImportedEmbedding(vectors, usable, found, wrong);
  const importing = { ...session, openEmbedder: async () => source.over(await session.openEmbedder({ eager: false })) };
  const { library } = request;
  const run = await runIndex(
    { ...deps, session: importing },
    { roots, ignore: [], ...(library === undefined ? {} : { library }) },
  );
  return { run, rows: vectors.photos.length, taken: source.taken, left: source.left, compared };
}

function checkModel({ model: said, array }: VectorFile, model: EmbeddingModel, name: string): void {
  const kind = 'refused';
  if (said !== null && said.sha256 !== null && said.sha256 !== model.sha256) {
    throw new UserError(
      'import_model',
      `${name} holds vectors of ${said.id ?? said.sha256}; the index's are of ${model.id}.`,
      {
        hint:
          said.id === null
            ? 'Choose the model they were made with: --model ID'
            : `Choose that model: --model ${said.id}`,
        kind,
      },
    );
  }
  if (array.rows === 0) throw new UserError('import_empty', `${name} holds no vectors.`, { kind });
  if (array.dim === model.dim) return;
  throw new UserError(
    'import_model',
    `The vectors of ${name} have ${array.dim} values; those of ${model.id} have ${model.dim}.`,
    {
      hint: 'Choose the model they were made with: --model ID',
      kind,
    },
  );
}

/** Embeds some of the photos that are here. @returns the rows that turned out to be of other photos, too */
async function compare(
  { session, signal, onCompared }: ImportDeps,
  { photos, array }: VectorFile,
  found: ReadonlyMap<string, number>,
  name: string,
): Promise<{ readonly compared: ImportReport['compared']; readonly wrong: ReadonlySet<number> }> {
  const sample = someOf([...found], SAMPLE).slice(0, SAMPLE);
  const wrong = new Set<number>();
  let [compared, lowestCosine, worst] = [0, 1, ''];
  const embedder = await session.openEmbedder({ eager: true });
  try {
    for (const [done, [file, row]] of sample.entries()) {
      if (signal.aborted) throw interruptedError('Interrupted; nothing was imported.');
      const result = await embedder.embed({ file });
      onCompared(done + 1, sample.length);
      if (result.kind !== 'embedded') continue;
      // Another file by now, which its own vector does not fit.
      const { sha256 } = photos[row] ?? { sha256: null };
      if (sha256 !== null && sha256 !== result.photo.sha256) continue;
      compared += 1;
      const similarity = cosine(result.photo.vector, await array.row(row));
      if (similarity < SAME_COSINE) wrong.add(row);
      if (similarity < lowestCosine) [lowestCosine, worst] = [similarity, file];
    }
  } finally {
    await embedder.close();
  }
  if (compared === 0) {
    throw new UserError(
      'import_unproved',
      `No photo of ${name} could be compared: all ${sample.length} tried have changed or cannot be read.`,
      {
        hint: 'Embed them here instead: curate index FOLDER',
        kind: 'refused',
      },
    );
  }
  if (wrong.size > compared * MAY_DIFFER) {
    const message = `${wrong.size} of ${compared} vectors of ${name} are not those of their photos: the one of ${worst} has a cosine of ${lowestCosine.toFixed(3)} to a fresh one.`;
    throw new UserError('import_unproved', message, {
      hint: 'They were made by another model or from other pixels, or their rows are in another order; nothing was imported.',
      kind: 'refused',
    });
  }
  return { compared: { photos: compared, lowestCosine }, wrong };
}
