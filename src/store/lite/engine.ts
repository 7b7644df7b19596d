import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../../files/exists.ts';
import { RUNTIME } from './folders.ts';

/** A version of Milvus Lite, with the scripts of curate's that run it and the list of packages that it needs. */
export interface Engine {
  readonly version: string;
  /** Of lite_server.py, what it imports, and requirements.txt. */
  readonly folder: string;
}

/** Every curate that noted nothing had this one. */
const UNNOTED = '3.2.2';
const NOTED = /^engine-(\d[\w.]*)-[0-9a-f]{8}$/;

/** The one that this curate has. */
export async function ownEngine(): Promise<Engine> {
  const requirements = await readFile(join(RUNTIME, 'requirements.txt'), 'utf8');
  const [, version] = /^milvus-lite==(\S+)/m.exec(requirements) ?? [];
  if (version === undefined) throw new Error('requirements.txt names no milvus-lite');
  return { version, folder: RUNTIME };
}

/** The one that wrote what is in a store's folder; null when there is nothing. */
export async function engineOf(server: string): Promise<Engine | null> {
  const names = await readdir(server).catch((): string[] => []);
  for (const name of names) {
    const version = NOTED.exec(name)?.[1];
    if (version !== undefined) return { version, folder: join(server, name) };
  }
  return names.includes('db') ? unnotedEngine() : null;
}

/** This curate's own, or where that is another by now, the one that scripts/lock_runtime.py kept when it became so. */
async function unnotedEngine(): Promise<Engine> {
  const own = await ownEngine();
  return own.version === UNNOTED ? own : { version: UNNOTED, folder: join(RUNTIME, `engine-${UNNOTED}`) };
}

/**
 * Keeps an engine beside what it writes: a later curate, which has another, reads the index by this one when it moves
 * it. What is kept is replaced by what writes now.
 */
export async function keepEngine(server: string, { version, folder }: Engine): Promise<void> {
  const parts = (await readdir(folder)).filter((name) => /\.py$|^requirements\.txt$/.test(name)).sort();
  const files = await Promise.all(parts.map(async (name) => [name, await readFile(join(folder, name))] as const));
  const digest = createHash('sha256');
  for (const [name, bytes] of files) digest.update(`${name}\0${bytes.length}\0`).update(bytes);
  const name = `engine-${version}-${digest.digest('hex').slice(0, 8)}`;
  const kept = join(server, name);
  if (!(await exists(kept))) {
    const draft = `${kept}.new`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    for (const [file, bytes] of files) await writeFile(join(draft, file), bytes);
    await rename(draft, kept);
  }
  for (const other of await readdir(server)) {
    if (other.startsWith('engine-') && other !== name) await rm(join(server, other), { recursive: true, force: true });
  }
}
