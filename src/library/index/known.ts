import { FACTS_VERSION } from '../../photos/facts.ts';
import type { Library, PhotoTable, StoredPhoto } from '../../store/port.ts';
import { isThere, photoFile } from '../paths.ts';

/** A stored photo and the library it is in. */
export interface KnownPhoto {
  readonly library: Library;
  readonly photo: StoredPhoto;
}

/** Everything the index holds, without vectors: by path for reconciling, by content for reusing vectors. */
export class KnownPhotos {
  #libraries: readonly Library[] = [];
  readonly #byPath = new Map<string, Map<string, StoredPhoto>>();
  readonly #sizes = new Set<number>();
  readonly #byHash = new Map<string, KnownPhoto[]>();

  static async load(table: PhotoTable, libraries: readonly Library[]): Promise<KnownPhotos> {
    const known = new KnownPhotos();
    known.#libraries = libraries;
    for (const library of libraries) {
      const paths = new Map<string, StoredPhoto>();
      known.#byPath.set(library.id, paths);
      for await (const photo of table.photos(library.id)) {
        paths.set(photo.path, photo);
        known.#remember({ library, photo });
      }
    }
    return known;
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
}

/** Whether the folder is there and the file in it is not: then the photo left, rather than its drive. */
export async function hasLeft({ library, photo }: KnownPhoto): Promise<boolean> {
  return (await isThere(library.root)) && !(await isThere(photoFile(library, photo.path)));
}
