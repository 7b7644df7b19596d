import { exists } from '../../files/exists.ts';
import { FACTS_VERSION } from '../../photos/facts.ts';
import type { Library, StoredPhoto } from '../../store/port.ts';
import { photoFile } from '../paths.ts';
import type { Content } from './manifest.ts';
import type { RememberedTable } from './remembered-table.ts';
import type { Sightings } from './sightings.ts';

/** A stored photo and the library it is in. */
export interface KnownPhoto {
  readonly library: Library;
  readonly photo: StoredPhoto;
}

/** Copies of one photo whose facts are looked at. */
const FEW = 16;

/**
 * What the index held by content before this run changed it, for reusing vectors: asked only for files that are to be
 * read, and never all in memory.
 */
export class KnownPhotos {
  readonly #rows: Pick<RememberedTable, 'loadContents' | 'hasSize' | 'withContent'>;
  readonly #sightings: Pick<Sightings, 'had'>;
  readonly #isHere: (library: Library) => Promise<boolean>;
  /** Ids of libraries, and whether they are here. */
  readonly #here = new Map<string, Promise<boolean>>();
  #libraries: readonly Library[] = [];

  /** @param isHere whether a library's folder holds any of its photos, as that of a drive that is away does not */
  constructor(
    rows: Pick<RememberedTable, 'loadContents' | 'hasSize' | 'withContent'>,
    sightings: Pick<Sightings, 'had'>,
    isHere: (library: Library) => Promise<boolean>,
  ) {
    this.#rows = rows;
    this.#sightings = sightings;
    this.#isHere = isHere;
  }

  /** To be called before anything is asked. @param libraries all that vectors may be taken from */
  async load(libraries: readonly Library[]): Promise<void> {
    await this.#rows.loadContents(libraries);
    this.#libraries = libraries;
  }

  /** Whether a file of this size could have content that already has a vector. */
  async hasSize(size: number): Promise<boolean> {
    for (const { id } of this.#libraries) if (await this.#rows.hasSize(id, size)) return true;
    return false;
  }

  async has(content: Content): Promise<boolean> {
    for await (const _ of this.with(content)) return true;
    return false;
  }

  /** Whether an older version of curate read what is kept of a photo with this content. */
  async isStale(content: Content): Promise<boolean> {
    let seen = 0;
    for await (const { photo } of this.with(content)) {
      if (photo.facts < FACTS_VERSION) return true;
      seen += 1;
      if (seen === FEW) break;
    }
    return false;
  }

  async *with(content: Content): AsyncGenerator<KnownPhoto> {
    for (const library of this.#libraries) {
      for await (const photo of this.#rows.withContent(library.id, content)) yield { library, photo };
    }
  }

  /**
   * Whether the folder is there, and a file of it that was here is not: then the photo left, rather than its drive.
   * @param to the library that it was found in now
   */
  async hasLeft({ library, photo }: KnownPhoto, to: Library): Promise<boolean> {
    if (!(await exists(library.root)) || (await exists(photoFile(library, photo.path)))) return false;
    if (!(await this.#sightings.had(library, photo.path))) return false;
    // A photo of a library that was found in it shows that it is here.
    if (library.id === to.id) return true;
    const here = this.#here.get(library.id) ?? this.#isHere(library);
    this.#here.set(library.id, here);
    return here;
  }
}
