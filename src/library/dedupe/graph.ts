/** As many of each. */
export interface Pairs {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly scores: Float32Array;
}

/** Pairs as they are found, in typed arrays that grow. */
export class PairList {
  first = new Uint32Array(1024);
  second = new Uint32Array(1024);
  scores = new Float32Array(1024);
  count = 0;

  add(first: number, second: number, score: number): void {
    this.#makeRoom(1);
    this.first[this.count] = first;
    this.second[this.count] = second;
    this.scores[this.count] = score;
    this.count += 1;
  }

  addAll({ first, second, scores }: Pairs): void {
    this.#makeRoom(first.length);
    this.first.set(first, this.count);
    this.second.set(second, this.count);
    this.scores.set(scores, this.count);
    this.count += first.length;
  }

  /** Those that there are. */
  get all(): Pairs {
    const of = <T extends Uint32Array | Float32Array>(values: T): T => values.slice(0, this.count) as T;
    return { first: of(this.first), second: of(this.second), scores: of(this.scores) };
  }

  #makeRoom(more: number): void {
    if (this.count + more <= this.first.length) return;
    const room = Math.max(this.count + more, this.count * 2);
    this.first = grown(this.first, new Uint32Array(room));
    this.second = grown(this.second, new Uint32Array(room));
    this.scores = grown(this.scores, new Float32Array(room));
  }
}

function grown<T extends Uint32Array | Float32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** Which photos are alike: undirected, with the cosine of each pair. */
export class Graph {
  /** How many photos there are, alike or not. */
  readonly size: number;
  readonly pairs: PairList;
  /** By photo, where its pairs begin in `#incident`. */
  readonly #starts: Uint32Array;
  /** Numbers of pairs, those of one photo beside each other. */
  readonly #incident: Uint32Array;

  constructor(size: number, pairs: PairList) {
    this.size = size;
    this.pairs = pairs;
    this.#starts = new Uint32Array(size + 1);
    const { first, second, count } = pairs;
    const bump = (photo: number): void => {
      this.#starts[photo + 1] = (this.#starts[photo + 1] ?? 0) + 1;
    };
    for (let pair = 0; pair < count; pair += 1) {
      bump(first[pair] as number);
      bump(second[pair] as number);
    }
    for (let photo = 0; photo < size; photo += 1) {
      this.#starts[photo + 1] = (this.#starts[photo + 1] ?? 0) + (this.#starts[photo] ?? 0);
    }
    const next = this.#starts.slice();
    this.#incident = new Uint32Array(count * 2);
    const put = (photo: number, pair: number): void => {
      const at = next[photo] as number;
      this.#incident[at] = pair;
      next[photo] = at + 1;
    };
    for (let pair = 0; pair < count; pair += 1) {
      put(first[pair] as number, pair);
      put(second[pair] as number, pair);
    }
  }

  /** Numbers of the pairs that a photo is in. */
  pairsOf(photo: number): Uint32Array {
    return this.#incident.subarray(this.#starts[photo], this.#starts[photo + 1]);
  }

  /** The other photo of a pair. */
  across(pair: number, photo: number): number {
    const first = this.pairs.first[pair] as number;
    return first === photo ? (this.pairs.second[pair] as number) : first;
  }
}
