/** Shares below this are left out: of a photo some dozens are kept, and together they are nearly all of it. */
const LEAST_SHARE = 1e-4;
/** Shares are sums of float32: each of a thousand additions of parts of 1 may be off by half of the last digit. */
export const ROUNDING = 1000 * 2 ** -25;
/** A sha256. */
const HASH_BYTES = 32;

/** A photo as an index has it. */
export interface IndexedPhoto {
  /** sha256 each, lower-case hex. */
  readonly id: string;
  readonly sha256: string;
}

/** As it lies in a file; numbers little-endian. */
export interface Postings {
  /** [photos * 32] each */
  readonly ids: Uint8Array;
  readonly contents: Uint8Array;
  /** [photos] What the classes take of each together whose shares are not kept. */
  readonly rest: Float32Array;
  /** [classes + 1]: where the postings of each class begin. */
  readonly starts: Uint32Array;
  /** Of each posting, the photo, and what share of it the class takes. */
  readonly photos: Uint32Array;
  readonly shares: Float32Array;
}

/**
 * Which photos show each class, and how much of them: an inverted index (Zobel and Moffat 2006, "Inverted Files for Text
 * Search Engines") of their softmax. How much of each photo it leaves out is known, so that it gives bounds of every share.
 */
export class ClassIndex {
  readonly postings: Postings;

  constructor(postings: Postings) {
    this.postings = postings;
  }

  /** [photos] How much more the classes may take of each than `sharesOf` says. */
  get rest(): Float32Array {
    return this.postings.rest;
  }

  photo(place: number): IndexedPhoto {
    const { ids, contents } = this.postings;
    return { id: hashAt(ids, place), sha256: hashAt(contents, place) };
  }

  /** [photos] What the classes take of each photo at least; it may be more by as much as `rest`. */
  sharesOf(classes: readonly number[]): Float32Array {
    const { starts, photos, shares } = this.postings;
    const sums = new Float32Array(this.rest.length);
    for (const index of classes) {
      const end = starts[index + 1] as number;
      for (let i = starts[index] as number; i < end; i += 1) {
        const photo = photos[i] as number;
        sums[photo] = (sums[photo] as number) + (shares[i] as number);
      }
    }
    return sums;
  }
}

function hashAt(hashes: Uint8Array, place: number): string {
  return Buffer.from(hashes.buffer, hashes.byteOffset + place * HASH_BYTES, HASH_BYTES).toString('hex');
}

/** Some photos, one behind the other, and the postings of each. */
interface Portion extends Omit<Postings, 'starts'> {
  /** Of each posting. */
  readonly classes: Uint16Array;
}

/** Puts an index together, photo behind photo. */
export class ClassIndexBuilder {
  readonly #classes: number;
  readonly #portions: Portion[] = [];
  #count = 0;

  /** @param classes of the classifier, at most 65,536 */
  constructor(classes: number) {
    this.#classes = classes;
  }

  /** Takes photos over from another index of the same classes. @param places theirs in it */
  keep({ postings }: ClassIndex, places: readonly number[]): void {
    const placeOf = new Int32Array(postings.ids.length / HASH_BYTES).fill(-1);
    places.forEach((place, i) => {
      placeOf[place] = this.#count + i;
    });
    const size = postings.photos.reduce((sum, photo) => sum + Number((placeOf[photo] as number) >= 0), 0);
    const portion = this.#open(places.length, size);
    let at = 0;
    for (let index = 0; index < this.#classes; index += 1) {
      const end = postings.starts[index + 1] as number;
      for (let i = postings.starts[index] as number; i < end; i += 1) {
        const place = placeOf[postings.photos[i] as number] as number;
        if (place >= 0) put(portion, at++, index, place, postings.shares[i] as number);
      }
    }
    places.forEach((place, i) => {
      portion.rest[i] = postings.rest[place] as number;
      const from = place * HASH_BYTES;
      portion.ids.set(postings.ids.subarray(from, from + HASH_BYTES), i * HASH_BYTES);
      portion.contents.set(postings.contents.subarray(from, from + HASH_BYTES), i * HASH_BYTES);
    });
  }

  /** @param probabilities the softmax of each: [photos][classes] */
  add(photos: readonly IndexedPhoto[], probabilities: readonly Float32Array[]): void {
    const size = probabilities.reduce(
      (sum, one) => sum + one.reduce((kept, p) => kept + Number(p >= LEAST_SHARE), 0),
      0,
    );
    const from = this.#count;
    const portion = this.#open(photos.length, size);
    let at = 0;
    photos.forEach(({ id, sha256 }, i) => {
      portion.ids.set(Buffer.from(id, 'hex'), i * HASH_BYTES);
      portion.contents.set(Buffer.from(sha256, 'hex'), i * HASH_BYTES);
      let rest = 1;
      probabilities[i]?.forEach((share, index) => {
        if (share < LEAST_SHARE) return;
        put(portion, at++, index, from + i, share);
        rest -= share;
      });
      portion.rest[i] = Math.max(0, rest);
    });
  }

  finish(): ClassIndex {
    const total = this.#portions.reduce((sum, { photos }) => sum + photos.length, 0);
    const starts = new Uint32Array(this.#classes + 1);
    for (const { classes } of this.#portions) {
      for (const index of classes) starts[index + 1] = (starts[index + 1] as number) + 1;
    }
    for (let index = 0; index < this.#classes; index += 1) {
      starts[index + 1] = (starts[index + 1] as number) + (starts[index] as number);
    }
    const [photos, shares, next] = [new Uint32Array(total), new Float32Array(total), starts.slice()];
    for (const portion of this.#portions) {
      portion.classes.forEach((index, i) => {
        const at = next[index] as number;
        photos[at] = portion.photos[i] as number;
        shares[at] = portion.shares[i] as number;
        next[index] = at + 1;
      });
    }
    const ids = Buffer.concat(this.#portions.map((portion) => portion.ids));
    const contents = Buffer.concat(this.#portions.map((portion) => portion.contents));
    const rest = new Float32Array(this.#count);
    let filled = 0;
    for (const portion of this.#portions) {
      rest.set(portion.rest, filled);
      filled += portion.rest.length;
    }
    return new ClassIndex({ ids, contents, rest, starts, photos, shares });
  }

  #open(photos: number, size: number): Portion {
    const portion = {
      ids: new Uint8Array(photos * HASH_BYTES),
      contents: new Uint8Array(photos * HASH_BYTES),
      rest: new Float32Array(photos),
      classes: new Uint16Array(size),
      photos: new Uint32Array(size),
      shares: new Float32Array(size),
    };
    this.#portions.push(portion);
    this.#count += photos;
    return portion;
  }
}

function put({ classes, photos, shares }: Portion, at: number, index: number, photo: number, share: number): void {
  classes[at] = index;
  photos[at] = photo;
  shares[at] = share;
}
