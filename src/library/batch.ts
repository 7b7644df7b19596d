import type { PhotoRow, PhotoTable } from '../store/port.ts';

/** Rows per upsert at the most. */
const MAX_ROWS = 200;
/** A batch is written after this long even when it is not full: what a killed run loses. */
const MAX_AGE_MS = 2_000;

/** Gathers rows and writes them while the next photos are being embedded; one write at a time. */
export class RowWriter {
  readonly #table: PhotoTable;
  #rows: PhotoRow[] = [];
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  constructor(table: PhotoTable) {
    this.#table = table;
  }

  /** Takes a row; resolves when there is room for the next one. @throws what the store threw, also for earlier rows. */
  async add(row: PhotoRow): Promise<void> {
    this.#rows.push(row);
    this.#timer ??= setTimeout(() => this.#write(), MAX_AGE_MS);
    if (this.#rows.length < MAX_ROWS) return;
    const earlier = this.#writing;
    this.#write();
    await earlier;
  }

  /** Writes what is left and waits until the store has acknowledged everything. */
  async finish(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  #write(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const rows = this.#rows;
    if (rows.length === 0) return;
    this.#rows = [];
    this.#writing = this.#writing.then(() => this.#table.upsert(rows));
    // Whoever adds or finishes next sees the failure; until then it must not count as unhandled.
    this.#writing.catch(() => undefined);
  }
}
