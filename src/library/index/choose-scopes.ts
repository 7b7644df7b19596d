import { basename } from 'node:path';
import { UserError } from '../../errors.ts';
import type { Library, PhotoIndex } from '../../store/port.ts';
import { elsewhere, type Machine } from '../machine.ts';
import { isMounted, outermost } from '../paths.ts';
import { joinScope, realFolder, type Scope, scopesOf } from '../scopes.ts';
import type { OnIndexEvent } from './events.ts';

interface ChooseDeps extends PhotoIndex {
  readonly machine: Machine;
  readonly onEvent: OnIndexEvent;
}

/** Which folders a run is to walk. */
export interface FoldersRequest {
  /** Absolute folders; none means every known library. */
  readonly roots: readonly string[];
  /** The name of the library that the folders belong to, for every machine that indexes it by this name. */
  readonly library?: string;
  /** Runs although every known library is away: somebody watches for them to come back. */
  readonly mayAllBeAway?: boolean;
}

/**
 * What to walk: the folders that are named, or every known library that is there.
 * @throws UserError `libraries_elsewhere` and `libraries_away` when there is none, and what stands in the way of a folder
 */
export async function chooseScopes(
  deps: ChooseDeps,
  { roots, library: name, mayAllBeAway = false }: FoldersRequest,
  libraries: readonly Library[],
): Promise<Scope[]> {
  const { store, table, onEvent } = deps;
  const machine = await deps.machine.id();
  if (roots.length > 0) {
    const real = await Promise.all(roots.map(realFolder));
    if (name === undefined) {
      const scopes = scopesOf(real, libraries, { machine, kind: store.kind });
      for (const { library, isNew } of scopes) {
        const other = libraries.find((one) => one.name === basename(library.root) && !isMounted(one));
        if (isNew && other !== undefined) onEvent({ kind: 'apart', library, other });
      }
      return scopes;
    }
    const joining = { name, machine, index: { store, table } };
    return Promise.all(outermost(real).map((root) => joinScope(root, libraries, joining)));
  }
  const here = libraries.filter(isMounted);
  const present: string[] = [];
  for (const library of here) {
    const root = await realFolder(library.root).catch(() => null);
    if (root === library.root) present.push(root);
    else onEvent({ kind: 'away', library });
  }
  if (here.length === 0 && libraries.length > 0 && !mayAllBeAway) throw noneHere(libraries);
  if (present.length === 0 && here.length > 0 && !mayAllBeAway) throw allAway(here);
  return scopesOf(present, libraries, { machine, kind: store.kind });
}

/** What the store has and what this run adds to it, as this run sees them. */
export function withScopes(stored: readonly Library[], scopes: readonly Scope[]): Library[] {
  const libraries = new Map(stored.map((library) => [library.id, library]));
  for (const { library, displaces = [] } of scopes) {
    libraries.set(library.id, library);
    for (const other of displaces) libraries.set(other.id, { ...other, root: elsewhere(other.name) });
  }
  return [...libraries.values()];
}

/** Every library that a run may change, in order of id, so that two runs never wait for each other. */
export function heldBy(scopes: readonly Scope[]): Library[] {
  const held = scopes.flatMap(({ library, absorbs }) => [library, ...absorbs]);
  return held.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function noneHere(libraries: readonly Library[]): UserError {
  const names = libraries.map(({ name }) => name).join(', ');
  return new UserError('libraries_elsewhere', `None of the libraries is on this machine: ${names}.`, {
    hint: 'Name a folder: curate index FOLDER. With --library NAME it becomes a part of one of these.',
  });
}

function allAway(libraries: readonly Library[]): UserError {
  const [first] = libraries;
  const message =
    libraries.length === 1
      ? `The indexed folder ${first?.root} is not there now.`
      : `None of the ${libraries.length} indexed folders is there now.`;
  return new UserError('libraries_away', message, {
    hint: `Connect the drive, or say where the folder is now: curate library relocate "${first?.name}" FOLDER`,
  });
}
