import { FACTS_VERSION } from '../../photos/facts.ts';
import type { Library, PhotoTable, StoredPhoto } from '../../store/port.ts';
import { isThere, photoFile } from '../paths.ts';
import { unlessDamaged } from './manifest.ts';
import type { Sightings } from './sightings.ts';

/** A stored photo and the library it is in. */
export interface KnownPhoto {
  readonly library: Library;
  readonly photo: StoredPhoto;
}

/**
 * What the index holds, without vectors: by path for reconciling, and by content for reusing vectors, which only a run
 * that has files to read needs to know of every library.
 */
export class KnownPhotos {
  readonly #table: Pick<PhotoTable, 'photos'>;
  readonly #sightings: Pick<Sightings, 'had'>;
  readonly #libraries: Library[] = [];
  readonly #byPath = new Map<string, ReadonlyMap<string, StoredPhoto>>();
  readonly #sizes = new Set<number>();
  readonly #byHash = new Map<string, KnownPhoto[]>();

  constructor(table: Pick<PhotoTable, 'photos'>, sightings: Pick<Sightings, 'had'>) {
    this.#table = table;
    this.#sightings = sightings;
  }

  /** Of libraries by path; what is loaded already stays. */
  async load(libraries: readonly Library[]): Promise<void> {
    for (const library of libraries) {
      if (this.#byPath.has(library.id)) continue;
      this.#byPath.set(library.id, await unlessDamaged(() => this.#pathsOf(library)));
      this.#libraries.push(library);
    }
  }

  /** Of libraries by content, too. */
  async loadContents(libraries: readonly Library[]): Promise<void> {
    await this.load(libraries);
    for (const library of libraries) for (const photo of this.of(library).values()) this.#remember({ library, photo });
  }

  async #pathsOf(library: Library): Promise<Map<string, StoredPhoto>> {
    const paths = new Map<string, StoredPhoto>();
    for await (const photo of this.#table.photos(library.id)) paths.set(photo.path, photo);
    return paths;
  }

  #remember(known: KnownPhoto): void {
    const { sha256, size } = known.photo;
    this.#sizes.add(size);
    const same = this.#byHash.get(sha256) ?? [];
    same.push(known);
    this.#byHash.set(sha256, same);
  }

  of(library: Library): ReadonlyMap<string, StoredPhoto> {
    return this.#byPath.get(library.id) ?? new Map();
  }

  /** Rows by the library they are in; of those that are not known, none. */
  byLibrary(ids: ReadonlySet<string>): { readonly library: Library; readonly ids: readonly string[] }[] {
    return this.#libraries.flatMap((library) => {
      const some = [...this.of(library).values()].flatMap(({ id }) => (ids.has(id) ? [id] : []));
      return some.length === 0 ? [] : [{ library, ids: some }];
    });
  }

  /** Whether a file of this size could have content that already has a vector. */
  hasSize(size: number): boolean {
    return this.#sizes.has(size);
  }

  /** Whether an older version of curate read what is kept of a photo with this content. */
  isStale(sha256: string): boolean {
    return this.withHash(sha256).some(({ photo }) => photo.facts < FACTS_VERSION);
  }

  withHash(sha256: string): readonly KnownPhoto[] {
    return this.#byHash.get(sha256) ?? [];
  }

  /** Whether the folder is there, and a file of it that was here is not: then the photo left, rather than its drive. */
  async hasLeft({ library, photo }: KnownPhoto): Promise<boolean> {
    if (!(await isThere(library.root)) || (await isThere(photoFile(library, photo.path)))) return false;
    return this.#sightings.had(library, photo.path);
  }
}
