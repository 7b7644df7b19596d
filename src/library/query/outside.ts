import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import type { Machine } from '../machine.ts';
import { inside } from '../paths.ts';
import type { Session } from '../session.ts';
import type { QueryTerm } from './resolve.ts';

/** From this many photos to be embedded on, workers for all cores are worth their start. */
export const MANY = 8;

/** Those that are in no folder of which this machine has noted that it is a library's: the index has none of them. */
export async function outsideLibraries(machine: Machine, files: readonly string[]): Promise<string[]> {
  const roots = [...(await machine.roots()).values(), ...Object.values(machine.mapped)];
  // Before the first index run of this version nothing is noted.
  if (roots.length === 0) return [];
  const places = await Promise.all(files.map(async (file) => [file, await realpath(file).catch(() => file)] as const));
  return places.filter(([, real]) => roots.every((root) => inside(root, real) === null)).map(([file]) => file);
}

/**
 * Starts what a search by photos alone is sure to need: the worker where one is to be embedded, which takes longer than all
 * else, and then the store, whose server may have to be started. Called before the modules of a search are loaded, they
 * do so beside that.
 * @returns those photos that are sure to be embedded
 * @throws UserError when the model cannot be used
 */
export async function startParts(
  session: Pick<Session, 'embedder' | 'machine' | 'settings' | 'store'>,
  terms: readonly QueryTerm[],
): Promise<string[]> {
  const files = terms.flatMap((term) => (term.kind === 'photo' ? [term.file] : []));
  const outside = await outsideLibraries(session.machine, files);
  if (files.length < MANY && outside.length > 0) await session.embedder();
  // A slip of the hand must not set up or start a store.
  if (files.length < terms.length || !files.every((file) => existsSync(file))) return outside;
  const { storeExists } = await import('../../store/open.ts');
  // Whoever searches is told of a failure.
  if (await storeExists(session.settings)) session.store().catch(() => undefined);
  return outside;
}
