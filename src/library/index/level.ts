import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import type { MemoryLevel } from 'memory-level';
import { makeOwnFolders } from '../../files/folders.ts';
import type { Library, ModelIdentity } from '../../store/port.ts';

/**
 * What LevelDB may have in memory, whatever it holds: it maps whole files, of which it keeps no fewer than 64 open, and
 * the blocks and writes that it keeps by default would be the most of what grows with the number of photos.
 */
const SMALL = { maxOpenFiles: 74, maxFileSize: 2 ** 20, cacheSize: 2 ** 21, writeBufferSize: 2 ** 21 };

/** One step of a batch. Lists of them are freed at once, chained batches of classic-level when they are collected. */
export type Change =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string };

/** @param value by default that of a key that says all: classic-level 3.0.0 never frees what it copied an empty text to */
export function insertion(key: string, value = '1'): Change {
  return { type: 'put', key, value };
}

export function deletion(key: string): Change {
  return { type: 'del', key };
}

/** A database in a folder of its own, which is made when it is not there. */
export async function openLevel(folder: string): Promise<ClassicLevel<string, string>> {
  const { ClassicLevel } = await import('classic-level');
  await makeOwnFolders(folder);
  const level = new ClassicLevel<string, string>(folder, SMALL);
  await level.open();
  return level;
}

/** The same in memory, where there can be none on the disk. */
export async function openMemory(): Promise<MemoryLevel<string, string>> {
  const { MemoryLevel } = await import('memory-level');
  const level = new MemoryLevel<string, string>();
  await level.open();
  return level;
}

/** Removes what is kept of libraries that are not there any more, and what runs that were killed left. */
export async function forgetOthers(folder: string, libraries: readonly Library[]): Promise<void> {
  const known = new Set(libraries.map(({ id }) => nameOf(id)));
  for (const name of await readdir(folder).catch(() => [])) {
    if (!known.has(name)) await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** A library's id may be any text. */
export function nameOf(library: string): string {
  return createHash('sha256').update(library).digest('hex').slice(0, 32);
}

/** Where this machine keeps what it knows of a store's rows of a model. */
export function manifestsIn(data: string, place: string, { sha256 }: ModelIdentity): string {
  return storeFolder(data, place, sha256.slice(0, 12));
}

/**
 * A folder for one purpose, of one store.
 * @param place of the store, as `Machine.place` names it
 */
export function storeFolder(data: string, place: string, purpose: string): string {
  return join(data, 'manifests', storeName(place, purpose));
}

/** What is kept for one purpose of a store, `place`, is called by. */
export function storeName(place: string, purpose: string): string {
  const store = createHash('sha256').update(place).digest('hex').slice(0, 16);
  return `${store}-${purpose}`;
}
