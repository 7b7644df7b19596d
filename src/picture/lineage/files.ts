import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, systemErrorCode, UserError } from '../../errors.ts';
import { exists } from '../../files/exists.ts';
import { sha256 } from '../../files/hash.ts';
import { typedPath } from '../../files/typed-path.ts';
import {
  type FailedRequest,
  type Lineage,
  type LineageReference,
  parseFailedRequest,
  parseLineage,
  parseLineageStrictly,
  resolveStored,
} from './lineage.ts';

/** A lineage file and where it was found. */
export interface Found {
  /** Absolute path of the lineage file. */
  readonly file: string;
  readonly lineage: Lineage;
  /** Absolute path of its picture; null when the picture is not there any more, or has other bytes now. */
  readonly picture: string | null;
}

/** Between the name and the ending of the record of a request that is under way. */
export const UNANSWERED = '.unanswered';

/** Larger files are no lineage; photos' folders hold all sorts of JSON. */
const MOST_BYTES = 1e6;

export function lineageFileOf(picture: string): string {
  return `${picture}.json`;
}

/**
 * Finds the lineage of a picture: from its own path (the file beside it, else any in its folder or in `cwd` with its
 * sha256), from its sha256, or from the lineage file itself.
 * @throws UserError `no_lineage`, `bad_lineage`
 */
export async function findLineage(cwd: string, given: string): Promise<Found> {
  const path = typedPath(cwd, given);
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) {
    if (/^[0-9a-f]{64}$/i.test(given)) return bySha256(given.toLowerCase(), [cwd], given);
    if (await exists(lineageFileOf(path))) return readFound(lineageFileOf(path));
    throw new UserError('no_lineage', `There is no file ${given}.`, { hint: 'Name a picture that curate made.' });
  }
  if (path.endsWith('.json')) return readFound(path);
  const hash = sha256(bytes);
  const beside = await readFile(lineageFileOf(path), 'utf8').then(parseLineage, () => null);
  if (beside?.picture.sha256 === hash) return { file: lineageFileOf(path), lineage: beside, picture: path };
  const found = await bySha256(hash, [...new Set([dirname(path), cwd])], given);
  return { ...found, picture: path };
}

async function bySha256(hash: string, folders: readonly string[], given: string): Promise<Found> {
  const unreadable: Unreadable[] = [];
  const search = { deep: false, onUnreadable: (one: Unreadable) => unreadable.push(one) };
  for (const folder of folders) {
    for await (const { file, lineage } of lineagesIn(folder, search)) {
      if (lineage.picture.sha256 === hash) return locate(file, lineage);
    }
  }
  const [one] = unreadable;
  const besides = one === undefined ? '' : ` ${one.path} could not be read: ${one.reason}.`;
  const message = `No lineage file tells how ${given} was made, or the picture was changed since.${besides}`;
  throw new UserError('no_lineage', message, {
    hint: 'Keep the .json beside its picture. To start from any picture: curate comic PICTURE --refs 1 "PROMPT"',
  });
}

async function readFound(file: string): Promise<Found> {
  return locate(file, parseLineageStrictly(await readFile(file, 'utf8'), file));
}

async function locate(file: string, lineage: Lineage): Promise<Found> {
  const picture = resolveStored(lineage.picture.path, dirname(file)).file;
  const bytes = await readFile(picture).catch(() => null);
  return { file, lineage, picture: bytes !== null && sha256(bytes) === lineage.picture.sha256 ? picture : null };
}

/** A folder or file in which there may be lineage that could not be read, and why, as a clause. */
export interface Unreadable {
  /** Absolute. */
  readonly path: string;
  readonly reason: string;
}

/** The record of a request, and its file (absolute). */
export interface Failed {
  readonly file: string;
  readonly record: FailedRequest;
}

interface LineageSearch {
  /** Looks into the folders below, too, but for hidden ones. */
  readonly deep: boolean;
  readonly onUnreadable: (unreadable: Unreadable) => void;
  /** Told of records of requests that brought no picture. */
  readonly onFailed?: (failed: Failed) => void;
}

/** Every lineage file of a folder, in order of name. */
export async function* lineagesIn(
  folder: string,
  search: LineageSearch,
): AsyncGenerator<{ readonly file: string; readonly lineage: Lineage }> {
  const orTell =
    <T>(path: string, instead: T) =>
    (error: unknown): T => {
      // What was removed meanwhile is not missed.
      if (systemErrorCode(error) !== 'ENOENT') search.onUnreadable({ path, reason: whyUnread(error) });
      return instead;
    };
  const entries = await readdir(folder, { withFileTypes: true }).catch(orTell(folder, []));
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && search.deep && !entry.name.startsWith('.') && entry.name !== 'node_modules') {
      yield* lineagesIn(path, search);
    }
    if (!entry.isFile() || !entry.name.endsWith('.json')) continue;
    const text = await readSmall(path).catch(orTell(path, ''));
    const lineage = parseLineage(text);
    if (lineage !== null) {
      yield { file: path, lineage };
      continue;
    }
    const failed = parseFailedRequest(jsonOf(text));
    if (failed !== null) search.onFailed?.({ file: path, record: failed });
    else if (isBroken(entry.name, text)) search.onUnreadable({ path, reason: 'it is damaged, or of another version' });
  }
}

/** The requests that no picture tells of, in order of time: a kill may leave the record of one that did bring a picture. Pure. */
export function withoutPicture(failed: readonly Failed[], lineages: readonly Lineage[]): Failed[] {
  const answered = new Set(lineages.map(({ request }) => request.id));
  return failed
    .filter(({ record }) => !answered.has(record.request.id))
    .sort((a, b) => Date.parse(a.record.request.started) - Date.parse(b.record.request.started));
}

/** Requests of a prompt whose answer nobody saw: curate was killed meanwhile, or still waits for it. */
export async function unansweredOf(folder: string, prompt: string): Promise<Failed[]> {
  // A folder may hold thousands of pictures; hardly one holds such a record.
  const names = await readdir(folder).catch(() => []);
  if (!names.some((name) => name.endsWith(`${UNANSWERED}.json`))) return [];
  const failed: Failed[] = [];
  const lineages: Lineage[] = [];
  const search = { deep: false, onUnreadable: () => undefined, onFailed: (one: Failed) => failed.push(one) };
  for await (const { lineage } of lineagesIn(folder, search)) lineages.push(lineage);
  const unanswered = failed.filter(({ record }) => record.error.code === 'unanswered' && record.prompt === prompt);
  return withoutPicture(unanswered, lineages);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a file that says nothing of a picture should: by its words, or because it stands beside a picture cut short. */
function isBroken(name: string, text: string): boolean {
  if (/"curate\.(lineage|failed)\//.test(text)) return true;
  return /\.(png|jpe?g|webp|failed)\.json$/i.test(name) && jsonOf(text) === undefined;
}

async function readSmall(file: string): Promise<string> {
  return (await stat(file)).size > MOST_BYTES ? '' : readFile(file, 'utf8');
}

function whyUnread(error: unknown): string {
  return ['EACCES', 'EPERM'].includes(systemErrorCode(error) ?? '') ? 'you may not read it' : messageOf(error);
}

/** A picture, then the one it was refined from, and so on to the first; as far as their files can be found. */
export async function ancestorsOf(found: Found): Promise<Found[]> {
  const line = [found];
  const seen = new Set([found.lineage.picture.sha256]);
  for (let at = found; at.lineage.parent !== null; ) {
    const folder = dirname(at.file);
    const { path, sha256: hash } = at.lineage.parent;
    if (seen.has(hash)) break;
    seen.add(hash);
    const parent = await findLineage(folder, resolveStored(path, folder).file).catch(() =>
      bySha256(hash, [folder], path).catch(() => null),
    );
    if (parent === null || parent.lineage.picture.sha256 !== hash) break;
    line.push(parent);
    at = parent;
  }
  return line;
}

/** A photo that a request sent, and what became of its file. */
export interface Original {
  /** Absolute. */
  readonly file: string;
  readonly role: LineageReference['role'];
  readonly score: number | null;
  readonly state: 'same' | 'changed' | 'gone';
}

/** Whether the photos a lineage names are still there, byte for byte. @param folder of the lineage file */
export function checkOriginals(references: readonly LineageReference[], folder: string): Promise<Original[]> {
  return Promise.all(
    references.map(async ({ path, role, score, sha256: before }) => {
      const { file } = resolveStored(path, folder);
      const bytes = await readFile(file).catch(() => null);
      const state = bytes === null ? 'gone' : sha256(bytes) === before ? 'same' : 'changed';
      return { file, role, score, state } as const;
    }),
  );
}
