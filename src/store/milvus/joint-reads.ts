interface Waiting<Row> {
  readonly ids: readonly string[];
  resolve(rows: readonly Row[]): void;
  reject(error: unknown): void;
}

/**
 * Reads that are asked for while another is under way go together as the next one, each id once. A read by itself goes at
 * once. Of fifty words that are looked for together few dozens of rows each are read: most of what that takes is the call.
 */
export class JointReads<Row> {
  readonly #read: (ids: readonly string[]) => Promise<readonly Row[]>;
  #waiting: Waiting<Row>[] = [];
  #isUnderWay = false;

  constructor(read: (ids: readonly string[]) => Promise<readonly Row[]>) {
    this.#read = read;
  }

  /** The rows of these ids, and it may be of others. */
  read(ids: readonly string[]): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ids, resolve, reject });
      if (!this.#isUnderWay) void this.#answer();
    });
  }

  /** Never fails: each read is told of its failure. */
  async #answer(): Promise<void> {
    this.#isUnderWay = true;
    while (this.#waiting.length > 0) {
      const asked = this.#waiting;
      this.#waiting = [];
      try {
        const rows = await this.#read([...new Set(asked.flatMap(({ ids }) => ids))]);
        for (const { resolve } of asked) resolve(rows);
      } catch (error) {
        for (const { reject } of asked) reject(error);
      }
    }
    this.#isUnderWay = false;
  }
}
