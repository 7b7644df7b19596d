import type { PhotoRow, PhotoTable } from '../../store/port.ts';

/** Rows per upsert at the most, and rows that wait while others are being written. */
const MAX_ROWS = 200;
/** A batch is written after this long even when it is not full: what a killed run loses. */
const MAX_AGE_MS = 2_000;

/** Gathers rows and writes them while the next photos are being embedded; one write at a time. */
export class RowWriter {
  /** Rejects with the store's first failure, as soon as it happens; never resolves. */
  readonly failure: Promise<never>;
  readonly #table: Pick<PhotoTable, 'upsert'>;
  readonly #fail: (error: unknown) => void;
  #rows: PhotoRow[] = [];
  /** The write under way; one that failed stays, so that whoever waits for it is told. */
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(table: Pick<PhotoTable, 'upsert'>) {
    this.#table = table;
    let fail: (error: unknown) => void = () => undefined;
    this.failure = new Promise<never>((_, reject) => {
      fail = reject;
    });
    this.failure.catch(() => undefined);
    this.#fail = fail;
  }

  /** Takes a row; resolves when there is room for the next one. @throws what the store threw, also for earlier rows. */
  async add(row: PhotoRow): Promise<void> {
    this.#rows.push(row);
    this.#timer ??= setTimeout(() => this.#writeAged(), MAX_AGE_MS);
    while (this.#rows.length >= MAX_ROWS) await this.#next();
  }

  /** Writes what is left and waits until the store has acknowledged everything. */
  async finish(): Promise<void> {
    while (this.#rows.length > 0 || this.#writing !== null) await this.#next();
  }

  /** Waits for the write under way; begins the next one where there is none. */
  async #next(): Promise<void> {
    if (this.#writing === null) this.#write();
    else await this.#writing;
  }

  #writeAged(): void {
    this.#timer = undefined;
    // Otherwise the write under way leaves them a new timer.
    if (this.#writing === null) this.#write();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#rows.splice(0, MAX_ROWS);
    if (rows.length === 0) return;
    this.#writing = this.#table.upsert(rows).then(() => {
      this.#writing = null;
      if (this.#rows.length > 0) this.#timer ??= setTimeout(() => this.#writeAged(), MAX_AGE_MS);
    });
    this.#writing.catch(this.#fail);
  }
}
