import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { forbidden, systemErrorCode, UserError, unwritable } from '../errors.ts';
import { writeWhole } from '../files/atomic-write.ts';
import { makeOwnFolders } from '../files/folders.ts';
import { type Settings, spelling } from '../settings.ts';
import type { Library, PhotoStore } from '../store/port.ts';
import { storeKey } from './active-model.ts';
import { knownOnly } from './orphans.ts';

/** What this machine alone knows of the libraries that it shares with others: where they are. */
export interface Machine {
  /** Made by the first run, and kept. */
  id(): Promise<string>;
  /**
   * Absolute roots by library id, of this store; each was seen to hold the library's photos. `elsewhere` of one whose
   * folder has become another library's.
   */
  roots(): Promise<ReadonlyMap<string, string>>;
  keep(library: string, root: string): Promise<void>;
  forget(library: string): Promise<void>;
  /** Where the person says that libraries are, by `spelling` of their name; nobody has looked whether they are. */
  readonly mapped: Readonly<Record<string, string>>;
  /**
   * Names the store in all notes of this machine: by the host, port, database and prefix that it was first reached by,
   * whatever other names it has.
   */
  place(): Promise<string>;
  /** Notes which store it is that has this name, once it has libraries, by which it is known. */
  bind(): Promise<void>;
}

const schema = z.strictObject({
  id: z.string(),
  /** By place: roots by library id. */
  stores: z.record(z.string(), z.record(z.string(), z.string())),
  /** By identity of a store: its place. */
  places: z.record(z.string(), z.string()).optional(),
});
type Kept = z.infer<typeof schema>;

/** @param identity of the store that the settings name; null while it has none, and for the embedded one */
export function openMachine(
  settings: Pick<Settings, 'milvusUri' | 'database' | 'prefix' | 'paths' | 'roots'>,
  identity: () => Promise<string | null> = async () => null,
): Machine {
  const { data } = settings.paths;
  const key = storeKey(settings);
  const known = async (): Promise<string | null> => (settings.milvusUri === undefined ? null : identity());
  const placeIn = async (kept: Kept): Promise<string> => placeOf(key, await known(), kept);
  const change = async (edit: (roots: Record<string, string>) => Record<string, string>): Promise<void> => {
    const kept = (await read(data)) ?? fresh();
    const store = await known();
    const place = placeOf(key, store, kept);
    const changed: Kept = {
      ...kept,
      stores: { ...kept.stores, [place]: edit(kept.stores[place] ?? {}) },
      ...(store === null ? {} : { places: { ...kept.places, [store]: place } }),
    };
    if (JSON.stringify(changed) !== JSON.stringify(kept)) await write(data, changed);
  };
  return {
    id: async () => {
      const kept = await read(data);
      if (kept !== null) return kept.id;
      const made = fresh();
      await write(data, made);
      return made.id;
    },
    roots: async () => {
      const kept = (await read(data)) ?? fresh();
      return new Map(Object.entries(kept.stores[await placeIn(kept)] ?? {}));
    },
    keep: (library, root) => change((roots) => ({ ...roots, [library]: root })),
    forget: (library) => change(({ [library]: _, ...others }) => others),
    mapped: settings.roots ?? {},
    place: async () => placeIn((await read(data)) ?? fresh()),
    bind: () => change((roots) => roots),
  };
}

/**
 * The place that notes have a store by, which is reached by `key` now.
 * @param identity null while nothing tells it from others
 */
function placeOf(key: string, identity: string | null, { places = {}, stores }: Kept): string {
  const taken = new Set(Object.values(places));
  const known = identity === null ? undefined : places[identity];
  if (known !== undefined) {
    // Notes from before stores were known by more than their names.
    const knows = (place: string): boolean => Object.keys(stores[place] ?? {}).length > 0;
    return !knows(known) && knows(key) && !taken.has(key) ? key : known;
  }
  // Another server had this name before, or has it at other times, as behind a tunnel.
  let place = key;
  while (taken.has(place)) place += '~';
  return place;
}

const fresh = (): Kept => ({ id: randomUUID(), stores: {} });
const fileIn = (dataFolder: string): string => join(dataFolder, 'machine.json');

async function read(dataFolder: string): Promise<Kept | null> {
  const file = fileIn(dataFolder);
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return null;
    const refusal = forbidden(file, error);
    if (refusal !== null) throw refusal;
    throw new UserError('data_damaged', `${file}, which notes where the libraries are on this machine, is damaged.`, {
      hint: 'Remove it, and index each folder once with the name of its library: curate index FOLDER --library NAME',
      cause: error,
    });
  }
}

async function write(dataFolder: string, kept: Kept): Promise<void> {
  try {
    await makeOwnFolders(dataFolder);
    await writeWhole(fileIn(dataFolder), `${JSON.stringify(kept)}\n`, 0o600);
  } catch (error) {
    throw unwritable(dataFolder, error);
  }
}

/**
 * A store as this machine sees it: the root of a library is where it is here. Until a run has looked, a library that
 * curate 0.1.0 made is taken to be where it was, if there is such a folder.
 */
export function onMachine(store: PhotoStore, machine: Machine): PhotoStore {
  /** What the store itself keeps as roots, for other machines that have not looked yet. */
  const stored = new Map<string, string>();
  return {
    get kind() {
      return store.kind;
    },
    identity: () => store.identity(),
    libraries: async (options) => {
      const [libraries, roots] = await Promise.all([store.libraries(options), machine.roots()]);
      return libraries.map((library) => {
        stored.set(library.id, library.root);
        const known = machine.mapped[spelling(library.name)] ?? roots.get(library.id);
        const taken = store.kind === 'lite' || existsSync(library.root) ? library.root : '';
        return { ...library, root: known ?? (taken || elsewhere(library.name)) };
      });
    },
    putLibrary: (library) => store.putLibrary({ ...library, root: stored.get(library.id) ?? '' }),
    removeLibrary: async (id) => {
      await store.removeLibrary(id);
      await machine.forget(id);
    },
    models: () => store.models(),
    about: (model) => store.about(model),
    table: (model) => knownOnly(store.table(model), (options) => store.libraries(options)),
    close: () => store.close(),
  };
}

/** Whether the person says where a library is. */
export function isMapped({ mapped }: Machine, name: string): boolean {
  return mapped[spelling(name)] !== undefined;
}

/** In place of a root: no path of a file system, and read by people as "in the library of this name". */
export function elsewhere(name: string): string {
  return `${name.replace(/[\\/]/g, '_')}:`;
}

/** The id of a library that every machine finds by its name, so that two which make it at once make one. */
export function sharedId(name: string): string {
  return createHash('sha256').update('library\0').update(name).digest('hex');
}

/** The id of a folder's own library: the same path on two machines is two libraries. */
export function ownId(machine: string, root: string): string {
  return `${ownPrefix(machine)}${digest(root)}`;
}

/** Whether a library is this machine's alone, because it was made here without a name to share it by. */
export function isOwn({ id }: Pick<Library, 'id'>, machine: string): boolean {
  return id.startsWith(ownPrefix(machine));
}

/** Version 0.1.0 gave libraries random ids (RFC 9562). */
export function isFrom010({ id }: Pick<Library, 'id'>): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}

const ownPrefix = (machine: string): string => `${digest(machine)}-`;
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
