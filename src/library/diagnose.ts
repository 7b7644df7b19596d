import { randomUUID } from 'node:crypto';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Embedder, EmbeddingModel } from '../embedding/port.ts';
import { messageOf, UserError, unwritable } from '../errors.ts';
import { makeFolders } from '../files/folders.ts';
import type { Settings } from '../settings.ts';
import type { PhotoStore, ServerAbout, StoreAbout } from '../store/port.ts';
import type { World } from '../world.ts';

/** One part of curate, and what to do when it does not work, or (though it is ok) soon will not. */
export interface Finding {
  readonly part: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy: string | null;
  /** Of the part "Server", for programs. */
  readonly server?: ServerFacts;
}

type ServerFacts = ServerAbout & Omit<StoreAbout, 'server'> & { readonly photos: number };

type Health = Pick<Finding, 'detail' | 'remedy' | 'server'>;

export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ ok }) => ok);
}

export interface DiagnoseDeps {
  readonly settings: Settings;
  /** Checks the model file against its sha256. */
  findModel(): Promise<EmbeddingModel>;
  openEmbedder(model: EmbeddingModel): Promise<Embedder>;
  openStore(): Promise<PhotoStore>;
  /** Whether pictures can be asked for. @throws UserError when not */
  checkImageModel(): Promise<Health>;
}

/** Enough for the embedded server's environment (250 MB) and a first index. */
const MIN_FREE_BYTES = 1e9;
const OLDEST_NODE = [20, 19] as const;

/** Tries every part for real, one after the other; a later part is tried even when an earlier one failed. */
export async function diagnose(world: World, deps: DiagnoseDeps): Promise<Finding[]> {
  const { settings } = deps;
  const findings: Finding[] = [];
  const check = async (part: string, run: () => Promise<string | Health>): Promise<boolean> => {
    try {
      const found = await run();
      findings.push({ part, ok: true, ...(typeof found === 'string' ? { detail: found, remedy: null } : found) });
      return true;
    } catch (error) {
      const remedy = (error instanceof UserError ? error.hint : null) ?? 'Install curate again: npm ci.';
      findings.push({ part, ok: false, detail: messageOf(error), remedy });
      return false;
    }
  };
  await check('Node.js', async () => nodeVersion(world.nodeVersion));
  const usable = await check('Data folder', () => writable(settings.paths.data));
  if (usable) await check('Free disk space', () => freeSpace(settings.paths.data));
  let model = null as EmbeddingModel | null;
  await check('Model', async () => {
    model = await deps.findModel();
    return `${model.id}, ${model.dim}-d, ${model.sha256.slice(0, 12)}`;
  });
  // Narrowed into a constant, since the checks below run in closures.
  const found = model;
  if (found !== null) {
    await check('Embedding (sharp, ONNX Runtime)', () => embedSample(world, deps, found));
    let server = null as ServerFacts | null;
    await check('Store', async () => {
      const { detail, facts } = await askStore(deps, found);
      server = facts;
      return detail;
    });
    const answered = server;
    if (answered !== null) await check('Server', async () => serverHealth(answered));
  }
  await check('Image model', () => deps.checkImageModel());
  return findings;
}

function nodeVersion(version: string): string {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return version;
  throw new UserError('node_version', `Node.js ${version} is too old.`, { hint: 'Install Node.js 20.19 or newer.' });
}

async function writable(folder: string): Promise<string> {
  const probe = join(folder, `.probe-${randomUUID()}`);
  try {
    await makeFolders(folder);
    await writeFile(probe, '');
    await rm(probe);
    return folder;
  } catch (error) {
    throw unwritable(folder, error);
  }
}

async function freeSpace(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const bytes = bavail * bsize;
  const free = bytes < 1e9 ? `${Math.floor(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= MIN_FREE_BYTES) return free;
  throw new UserError('disk_full', `Only ${free} free where ${folder} is.`, {
    hint: 'Make room, or set CURATE_HOME to a folder on another disk.',
  });
}

/** A small picture through the whole path from file to vector. */
async function embedSample(world: World, deps: DiagnoseDeps, model: EmbeddingModel): Promise<string> {
  const { default: sharp } = await import('sharp');
  const file = join(world.tmp, `curate-doctor-${randomUUID()}.png`);
  const embedder = await deps.openEmbedder(model);
  try {
    await sharp({ create: { width: 64, height: 48, channels: 3, background: '#a63' } }).toFile(file);
    const result = await embedder.embed({ file });
    if (result.kind !== 'embedded')
      throw new Error(`a sample picture could not be embedded: ${JSON.stringify(result)}`);
    return `${result.photo.vector.length} numbers from a sample picture`;
  } finally {
    await embedder.close();
    await rm(file, { force: true });
  }
}

interface AskedStore {
  readonly detail: string;
  /** Null of the embedded one. */
  readonly facts: ServerFacts | null;
}

async function askStore(deps: DiagnoseDeps, model: EmbeddingModel): Promise<AskedStore> {
  const store = await deps.openStore();
  try {
    const photos = await store.table(model).count();
    const { server, ...about } = await store.about(model);
    const { version, index } = about;
    const detail = [
      `${store.kind}, ${photos.toLocaleString('en-US')} photos`,
      ...(version === null ? [] : [`Milvus ${version}`]),
      index === null
        ? 'every search compares all of them'
        : `searched by ${index}, an exact search compares all of them`,
    ].join('; ');
    return { detail, facts: server === null ? null : { ...about, ...server, photos } };
  } finally {
    await store.close();
  }
}

/** Milvus loads nothing that would fill more of its memory than this. */
const MOST_OF_MEMORY = 0.9;
/** From this share on it is time to think of more. */
const MUCH_OF_MEMORY = 0.7;

/** What a server can do, and how many photos it has room for. */
export function serverHealth(server: ServerFacts): Health {
  const { photos, photoMemory, memory, databases, vectorTypes, indexedFields } = server;
  const taken = photos * photoMemory;
  const room = memory === null ? null : Math.floor((memory * MOST_OF_MEMORY) / photoMemory);
  const takes = `${photos.toLocaleString('en-US')} photos take about ${gigabytes(taken)}`;
  const detail = [
    databases ? 'has databases' : 'has no databases',
    `can keep vectors as ${vectorTypes.join(' and ')}; curate keeps float32`,
    indexedFields.length === 0 ? 'filters have no index yet' : `filters have an index of ${indexedFields.join(', ')}`,
    room === null
      ? `${takes} of memory`
      : `${takes} of its ${gigabytes(memory ?? 0)} of memory, which has room for ${rounded(room).toLocaleString('en-US')}`,
  ].join('; ');
  const tight = memory !== null && taken > memory * MUCH_OF_MEMORY;
  const remedy = tight ? 'Give its query nodes more memory: Milvus loads no more than nine tenths of it.' : null;
  return { detail, remedy, server };
}

function gigabytes(bytes: number): string {
  return bytes < 1e8 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** To two digits: it is an estimate. */
function rounded(count: number): number {
  return Number(count.toPrecision(2));
}
