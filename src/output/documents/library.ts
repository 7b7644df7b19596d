import type { ListedModel } from '../../embedding/models.ts';
import type { EmbeddingModel, PhotoFault } from '../../embedding/port.ts';
import type { CopyReport } from '../../library/copy/copy.ts';
import { type Finding, isHealthy } from '../../library/diagnose.ts';
import type { PhotoVector } from '../../library/embed-photos.ts';
import type { ImportReport } from '../../library/import/import.ts';
import type { FasterModel } from '../../library/index/faster-model.ts';
import type { IndexRun } from '../../library/index/run.ts';
import type { LibraryState, Repair } from '../../library/libraries.ts';
import { isMounted } from '../../library/paths.ts';
import type { AnsweredPhoto } from '../../library/query/search.ts';
import type { NamedTerm } from '../../library/query/terms.ts';
import type { SearchOrder } from '../../library/ranking/ranker.ts';
import type { Status } from '../../library/status.ts';
import type { VerifyReport } from '../../library/verify/verify.ts';
import type { CountedWord } from '../../library/words/count.ts';
import type { Seen } from '../../library/words/seen.ts';
import type { ModelIdentity } from '../../store/port.ts';
import { photoFacts } from '../photo-facts.ts';
import { closerThan, type SearchResultRow } from '../result-row.ts';
import { shortest } from '../text.ts';

/* The documents that programs read (--json), for every face that gives them. Pure. */

type Model = Pick<ModelIdentity, 'id' | 'sha256' | 'dim'>;

export interface SearchDocument {
  readonly schema: 'curate.search/1';
  /** Absolute paths, words, and "-" for a photo on standard input. */
  readonly query: readonly string[];
  /** What was searched for, photo by photo and word by word; those to be away from have negative weights. */
  readonly terms: readonly NamedTerm[];
  readonly k: number;
  readonly model: Model;
  /** With `rerank` the results need not fall in score. */
  readonly order: SearchOrder;
  readonly results: readonly SearchResultRow[];
  readonly elapsedMs: number;
}

/** @param elapsedMs from the question to the answer */
export function searchDocument(found: {
  readonly query: readonly string[];
  readonly terms: readonly NamedTerm[];
  readonly k: number;
  readonly model: ModelIdentity;
  readonly order: SearchOrder;
  readonly results: readonly SearchResultRow[];
  readonly elapsedMs: number;
}): SearchDocument {
  const { query, terms, k, model, order, results, elapsedMs } = found;
  return {
    schema: 'curate.search/1',
    query,
    terms,
    k,
    model: modelOf(model),
    order,
    results,
    elapsedMs: Math.round(elapsedMs),
  };
}

/** A photo that was found as it stands in the document, best first. */
export function resultRow(photo: AnsweredPhoto, index: number): SearchResultRow {
  return {
    rank: index + 1,
    path: photo.file,
    score: photo.score,
    likeness: photo.likeness,
    shown: photo.shown,
    closerThan: closerThan(photo.pairShare),
    rankedBy: photo.rankedBy,
    explanation: photo.explanation && { terms: photo.explanation.terms, seen: wordsOf(photo.explanation.seen) },
    ...photoFacts(photo),
    available: photo.available,
    mounted: photo.mounted,
  };
}

export interface IndexDocument {
  readonly schema: 'curate.index/1';
  readonly model: Model;
  readonly store: { readonly kind: IndexRun['store'] };
  readonly libraries: IndexRun['report']['libraries'];
  readonly seconds: number;
  readonly embeddedPerSecond: number;
  /** Only after a long first run that another model would have made shorter. */
  readonly fasterModel?: FasterModel;
}

export function indexDocument({ report, model, store, seconds, fasterModel }: IndexRun): IndexDocument {
  return {
    schema: 'curate.index/1',
    model: modelOf(model),
    store: { kind: store },
    libraries: report.libraries,
    seconds: Number(seconds.toFixed(3)),
    embeddedPerSecond: Number((report.embedded / (report.embeddingSeconds || 1)).toFixed(2)),
    ...(fasterModel === null ? {} : { fasterModel }),
  };
}

export interface StatusDocument {
  readonly schema: 'curate.status/1';
  readonly model: Model;
  readonly store: Status['store'];
  readonly libraries: readonly LibraryEntry[];
  /** Every model that has photos in the store. */
  readonly collections: Status['models'];
  readonly sizes: Status['sizes'];
  readonly folders: Status['folders'];
  readonly unlisted: Status['unlisted'];
}

interface LibraryEntry extends Pick<LibraryState, 'name' | 'photos' | 'available'> {
  /** Null where this machine does not have it. */
  readonly root: string | null;
  readonly mounted: boolean;
  /** Who indexes it now. */
  readonly indexing: { readonly by: string; readonly since: string } | null;
  /** From where it is still being copied; null when it is whole. */
  readonly arriving: string | null;
}

export function statusDocument({ model, store, libraries, models, sizes, folders, unlisted }: Status): StatusDocument {
  return {
    schema: 'curate.status/1',
    model: modelOf(model),
    store,
    libraries: libraries.map(libraryEntry),
    collections: models,
    sizes,
    folders,
    unlisted,
  };
}

export interface LibraryDocument<Entry> {
  readonly schema: 'curate.library/1';
  readonly libraries: readonly Entry[];
}

export function librariesDocument(libraries: readonly LibraryState[]): LibraryDocument<LibraryEntry> {
  return { schema: 'curate.library/1', libraries: libraries.map(libraryEntry) };
}

interface LibraryChange {
  readonly name: string;
  /** Null where this machine does not have it. */
  readonly root: string | null;
  /** Where it was before. */
  readonly from?: string;
  /** How many photos left the index with it. */
  readonly removed?: number;
}

/** Of one library that was relocated or removed. */
export function libraryChangeDocument(changed: LibraryChange): LibraryDocument<LibraryChange> {
  return { schema: 'curate.library/1', libraries: [changed] };
}

export interface CopyDocument {
  readonly schema: 'curate.copy/1';
  /** In both places now, of every model. */
  readonly rows: number;
  readonly libraries: number;
  readonly verified: CopyReport['verified'];
  /** Written by this run. */
  readonly copied: number;
  /** `lite`, or host and port, with database and prefix if any. */
  readonly from: string;
  readonly to: string;
  readonly rowsOf: CopyReport['libraries'];
}

export function copyDocument(report: CopyReport, places: Pick<CopyDocument, 'from' | 'to'>): CopyDocument {
  const { rows, libraries, verified, copied } = report;
  return { schema: 'curate.copy/1', rows, libraries: libraries.length, verified, copied, ...places, rowsOf: libraries };
}

export interface ImportDocument extends Omit<IndexDocument, 'schema' | 'embeddedPerSecond'> {
  readonly schema: 'curate.import/1';
  readonly file: string;
  /** Photos of the file. */
  readonly rows: number;
  readonly taken: number;
  readonly left: number;
  readonly compared: ImportReport['compared'];
}

export function importDocument({ run, rows, taken, left, compared }: ImportReport, file: string): ImportDocument {
  const { schema: _, embeddedPerSecond: __, ...indexed } = indexDocument(run);
  const { photos, lowestCosine } = compared;
  const counts = { rows, taken, left, compared: { photos, lowestCosine: Number(lowestCosine.toFixed(6)) } };
  return { schema: 'curate.import/1', file, ...counts, ...indexed };
}

function libraryEntry(library: LibraryState): LibraryEntry {
  const { name, root, photos, available, lease, arriving = null } = library;
  const mounted = isMounted(library);
  const indexing = lease === undefined ? null : { by: lease.holder, since: new Date(lease.since).toISOString() };
  return { name, root: mounted ? root : null, photos, available, mounted, indexing, arriving };
}

export interface VerifyDocument extends VerifyReport {
  readonly schema: 'curate.verify/1';
  readonly model: Model;
  readonly seed: number;
}

export function verifyDocument(report: VerifyReport, model: ModelIdentity, seed: number): VerifyDocument {
  const share = (value: number): number => Number(value.toFixed(4));
  const { kinds, selfMatch } = report;
  return {
    schema: 'curate.verify/1',
    model: modelOf(model),
    seed,
    ...report,
    kinds: kinds.map((score) => ({
      ...score,
      recallAt1: share(score.recallAt1),
      recallAt6: share(score.recallAt6),
    })),
    selfMatch: { ...selfMatch, lowestCosine: Number(selfMatch.lowestCosine.toFixed(6)) },
  };
}

/** The models that curate knows, or the one that was asked for. */
export function modelsDocument(models: readonly ListedModel[]) {
  return { schema: 'curate.model/1', models };
}

export function modelDocument({ id, file, sha256 }: Pick<EmbeddingModel, 'id' | 'file' | 'sha256'>) {
  return { schema: 'curate.model/1', id, path: file, sha256 };
}

export function doctorDocument(findings: readonly Finding[], repair: Repair | null = null) {
  return { schema: 'curate.doctor/1', ok: isHealthy(findings), findings, ...(repair === null ? {} : { repair }) };
}

export const EMBED_SCHEMA = 'curate.embed/1';

export type EmbedDocument = { readonly schema: typeof EMBED_SCHEMA; readonly path: string } & (
  | { readonly model: Omit<Model, 'dim'>; readonly dim: number; readonly vector: readonly number[] }
  | { readonly error: PhotoFault }
);

/** One photo, one line. */
export function embedDocument(found: PhotoVector, { id, sha256, dim }: ModelIdentity): EmbedDocument {
  const { file: path } = found;
  if (found.kind === 'fault') return { schema: EMBED_SCHEMA, path, error: found.fault };
  return { schema: EMBED_SCHEMA, path, model: { id, sha256 }, dim, vector: shortest(found.photo.vector) };
}

/** Which row of an array is which photo; a row of `failed` is NaN. */
export function arrayDocument(
  { id, sha256, dim }: ModelIdentity,
  paths: readonly string[],
  failed: readonly ({ readonly row: number; readonly path: string } & PhotoFault)[],
) {
  return { schema: EMBED_SCHEMA, model: { id, sha256 }, dim, paths, failed };
}

function modelOf({ id, sha256, dim }: ModelIdentity): Model {
  return { id, sha256, dim };
}

const WORDS_SCHEMA = 'curate.words/1';

/** The words that a library can be searched by. */
export function wordsDocument(words: readonly CountedWord[]) {
  return { schema: WORDS_SCHEMA, words: words.map(({ word, photos, also }) => ({ word, photos, also })) };
}

/** What is seen in one photo. @param photo absolute path */
export function seenDocument(photo: string, seen: readonly Seen[]) {
  return { schema: WORDS_SCHEMA, photo, words: wordsOf(seen) };
}

function wordsOf(seen: readonly Seen[]) {
  return seen.map(({ meaning, score, kind }) => ({ word: meaning.name, score, kind }));
}
