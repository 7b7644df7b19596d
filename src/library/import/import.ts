import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, sep } from 'node:path';
import type { Embedder, EmbeddingModel, EmbedRequest, EmbedResult } from '../../embedding/port.ts';
import { cosine } from '../../embedding/vector.ts';
import { interruptedError, UserError } from '../../errors.ts';
import { hashFile } from '../../files/hash.ts';
import { walk } from '../../photos/walk.ts';
import type { Library } from '../../store/port.ts';
import { type IndexRun, type IndexRunDeps, runIndex } from '../index/run.ts';
import { inside } from '../paths.ts';
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
  const found = byPath.size > 0 ? byPath : await locateByContent(vectors, usable, request.roots);
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

/** At equal distances, `wanted` of the items or a little more, fewer than twice as many; all where there are fewer. */
function someOf<T>(items: readonly T[], wanted: number): T[] {
  const every = Math.max(1, Math.floor(items.length / wanted));
  return items.filter((_, i) => i % every === 0);
}

/** Photos by which the folder that they were in is recognised. */
const TRIED = 100;

/**
 * Rows by the absolute path at which their photo is on this machine, of those that are there by their path. Where the
 * vectors were made the folder may have been another: then what is the same is the end of the paths.
 */
function locate({ photos }: VectorFile, usable: ReadonlySet<number>, roots: readonly string[]): Map<string, number> {
  const tried = someOf(photos, TRIED);
  const depth = Math.max(0, ...tried.map(({ path }) => partsOf(path).length));
  const ways: ((path: string) => readonly string[])[] = [
    (path) => (isAbsolute(path) && isBelowAny(path, roots) ? [path] : []),
    ...Array.from({ length: depth }, (_, cut) => (path: string) => {
      const end = partsOf(path).slice(cut);
      return end.length === 0 ? [] : roots.map((root) => join(root, ...end));
    }),
  ];
  const there = (way: (path: string) => readonly string[], path: string) =>
    way(path).find((place) => existsSync(place));
  const counts = ways.map((way) => tried.filter(({ path }) => there(way, path) !== undefined).length);
  const best = ways[counts.indexOf(Math.max(...counts))];
  const found = new Map<string, number>();
  for (const [row, { path }] of photos.entries()) {
    const file = best === undefined || !usable.has(row) ? undefined : there(best, path);
    if (file !== undefined) found.set(file, row);
  }
  return found;
}

/** Files that are read to find some by their content. */
const HASHED = 200;

/** Some photos that are there under other names, where the file has sums to know them by. */
async function locateByContent(
  vectors: VectorFile,
  usable: ReadonlySet<number>,
  roots: readonly string[],
): Promise<Map<string, number>> {
  const sums = sumsOf(vectors, usable);
  const found = new Map<string, number>();
  for (const root of sums.size === 0 ? [] : roots) {
    const { files } = await walk(root, { folder: '', ignore: [] });
    for (const { path } of someOf(files, HASHED)) {
      const file = join(root, path);
      const row = sums.get((await hashFile(file)) ?? '');
      if (row !== undefined) found.set(file, row);
      if (found.size === SAMPLE) return found;
    }
  }
  return found;
}

function sumsOf({ photos }: VectorFile, usable: ReadonlySet<number>): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [row, { sha256 }] of photos.entries()) if (sha256 !== null && usable.has(row)) sums.set(sha256, row);
  return sums;
}

const partsOf = (path: string): string[] => path.split(/[\\/]/).filter(Boolean);

function isBelowAny(file: string, roots: readonly string[]): boolean {
  return roots.length === 0 || roots.some((root) => inside(root, file) !== null);
}

/** The deepest folder that all files lie in; null for none. */
function commonFolder(files: readonly string[]): string | null {
  let common: string[] | null = null;
  for (const file of files) {
    const parts = dirname(file).split(sep);
    const shared: string[] = common ?? parts;
    const until = shared.findIndex((part, i) => part !== parts[i]);
    common = until === -1 ? shared : shared.slice(0, until);
  }
  return common === null ? null : common.join(sep) || sep;
}

/** Where the photos are that nobody named a folder for. @throws UserError `import_folder` when that is half the machine */
function rootsOf(files: readonly string[], libraries: readonly Library[]): string[] {
  const known = libraries.filter(({ root }) => files.some((file) => inside(root, file) !== null));
  const others = files.filter((file) => known.every(({ root }) => inside(root, file) === null));
  const roots = known.map(({ root }) => root);
  if (others.length === 0) return roots;
  const folder = commonFolder(others) ?? sep;
  if (folder.split(sep).filter(Boolean).length >= 2) return [...roots, folder];
  throw new UserError('import_folder', `The photos lie far apart: all that they share is ${folder}.`, {
    hint: 'Name the folders to be indexed behind the file: curate import FILE FOLDER...',
    kind: 'usage',
  });
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

/** Reads photos with a real embedder, and takes their vectors from the file. */
class ImportedEmbedding {
  taken = 0;
  left = 0;
  readonly #vectors: VectorFile;
  readonly #byFile: ReadonlyMap<string, number>;
  readonly #bySum: ReadonlyMap<string, number>;
  readonly #wrong: ReadonlySet<number>;

  constructor(
    vectors: VectorFile,
    usable: ReadonlySet<number>,
    byFile: ReadonlyMap<string, number>,
    wrong: ReadonlySet<number>,
  ) {
    this.#vectors = vectors;
    this.#byFile = byFile;
    this.#wrong = wrong;
    this.#bySum = sumsOf(vectors, usable);
  }

  over(embedder: Embedder): Embedder {
    return {
      model: embedder.model,
      capacity: embedder.capacity,
      close: () => embedder.close(),
      embed: (request) => this.#embed(embedder, request),
    };
  }

  async #embed(
    embedder: Embedder,
    { file, isKnown = () => false, isStale = () => false }: EmbedRequest,
  ): Promise<EmbedResult> {
    const result = await embedder.embed({
      file,
      isKnown: () => true,
      // What is known of it here needs no more than its content; else its facts are read.
      isStale: async (sha256) => ((await isKnown(sha256)) ? isStale(sha256) : this.#rowOf(file, sha256) !== null),
    });
    if (result.kind !== 'known' || (await isKnown(result.sha256))) return result;
    const { sha256, size, mtimeMs, facts } = result;
    const row = this.#rowOf(file, sha256);
    if (row === null || facts === undefined) {
      this.left += 1;
      return { kind: 'fault', fault: { code: 'not_found', reason: 'the file of vectors does not have it' } };
    }
    this.taken += 1;
    return { kind: 'embedded', photo: { sha256, size, mtimeMs, ...facts, vector: await this.#vectors.array.row(row) } };
  }

  #rowOf(file: string, sha256: string): number | null {
    const row = this.#bySum.get(sha256) ?? this.#byFile.get(file);
    if (row === undefined || this.#wrong.has(row)) return null;
    const said = this.#vectors.photos[row]?.sha256 ?? sha256;
    return said === sha256 ? row : null;
  }
}
