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
 * Starts the session's worker where a photo is sure to be embedded. It takes longer to start than all else that a search
 * needs: called before the modules of a search are loaded, it does so beside that.
 * @throws UserError when the model cannot be used
 */
export async function startWorker(
  session: Pick<Session, 'embedder' | 'machine'>,
  terms: readonly QueryTerm[],
): Promise<void> {
  const files = terms.flatMap((term) => (term.kind === 'photo' ? [term.file] : []));
  if (files.length >= MANY || (await outsideLibraries(session.machine, files)).length === 0) return;
  await session.embedder();
}
