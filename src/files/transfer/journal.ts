import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { unwritable } from '../../errors.ts';
import type { Disk } from './disk.ts';
import type { Transfer } from './plan.ts';

const ENDING = '.jsonl';
/** Of a journal whose moves have all been undone. */
const UNDONE = '.undone';

/** A file that was written, perhaps in place of another. */
export interface Written {
  readonly file: string;
  /** Of what was written. */
  readonly sha256: string;
  /** Where what was there before is kept; null when there was nothing. */
  readonly former: string | null;
}

export interface Entries {
  /** Folders that were made for what was moved or written, the outer ones first. */
  readonly folders: readonly string[];
  readonly moves: readonly Transfer[];
  readonly written: readonly Written[];
}

/**
 * What a run moved, a JSON line each, durable before the move is made: whenever the run ends, what it may have moved is
 * written down, and undoing looks at the disk to see what it did move.
 */
export class Journal {
  readonly id: string;
  readonly #disk: Disk;
  readonly #file: string;
  readonly #folder: string;

  /** Folders that are to be written down with the first entry. */
  readonly #made: string[];
  #isWritten = false;

  private constructor(disk: Disk, folder: string, id: string, made: readonly string[]) {
    this.#made = [...made];
    this.#disk = disk;
    this.id = id;
    this.#folder = folder;
    this.#file = join(folder, id + ENDING);
  }

  /**
   * A journal that sorts behind those before it; its file is made by the first move.
   * @param made Folders that were made for the moves already, the outer ones first
   * @throws UserError `data_unwritable` or `disk_full`
   */
  static async begin(disk: Disk, folder: string, now: Date, made: readonly string[] = []): Promise<Journal> {
    await disk.makeFolder(folder).catch((error: unknown) => {
      throw unwritable(folder, error);
    });
    const taken = new Set((await disk.names(folder)).map((name) => name.split('.')[0]));
    const id = now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
    for (let n = 1; ; n += 1) {
      const numbered = n === 1 ? id : `${id}-${n}`;
      if (!taken.has(numbered)) return new Journal(disk, folder, numbered, made);
    }
  }

  /** Whether anything stands in it, so that there is a file of it. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** Folders that were made for the run, and do not stand in it, as nothing does. */
  get unwritten(): readonly string[] {
    return this.#made;
  }

  /** To be called before the move. */
  async add({ from, to }: Transfer): Promise<void> {
    await this.#add({ from, to });
  }

  /** To be called before the file is written. */
  async willWrite({ file, sha256, former }: Written): Promise<void> {
    await this.#add({ written: { file, sha256, former } });
  }

  /** Makes a folder, and those around it, that are missing; an undoing removes them where they are empty by then. */
  async makeFolder(folder: string): Promise<void> {
    const missing: string[] = [];
    for (let one = folder; (await this.#disk.state(one)) === null && dirname(one) !== one; one = dirname(one)) {
      missing.unshift(one);
    }
    for (const one of missing) await this.#add({ folder: one });
    await this.#disk.makeFolder(folder);
  }

  /** A free name for what is replaced. */
  formerName(): string {
    return join(this.#folder, `${this.id}.${randomUUID()}.former`);
  }

  /** The name was taken, and nothing was moved. */
  async cancel({ from, to }: Transfer): Promise<void> {
    await this.#add({ cancelled: { from, to } });
  }

  async #add(entry: Line): Promise<void> {
    for (const folder of this.#made.splice(0)) await this.#disk.append(this.#file, JSON.stringify({ folder }));
    await this.#disk.append(this.#file, JSON.stringify(entry));
    if (this.#isWritten) return;
    this.#isWritten = true;
    // A line is no use in a file whose name a power cut takes away.
    await this.#disk.settle(this.#folder);
  }
}

/** Ids of the journals that may be undone, the latest last. */
export async function openJournals(disk: Disk, folder: string): Promise<string[]> {
  if ((await disk.state(folder)) === null) return [];
  const names = (await disk.names(folder)).filter((name) => name.endsWith(ENDING));
  const byAge = new Intl.Collator('en', { numeric: true });
  return names.map((name) => name.slice(0, -ENDING.length)).sort(byAge.compare);
}

/** What a journal holds, in order. A line that a kill cut short was never acted on. */
export async function readJournal(disk: Disk, folder: string, id: string): Promise<Entries> {
  const moves: Transfer[] = [];
  const files: Written[] = [];
  const folders: string[] = [];
  for (const line of (await disk.read(join(folder, id + ENDING))).split('\n')) {
    const entry = parsed(line);
    if (entry === null) continue;
    const { from, to, cancelled, written, folder: made } = entry;
    if (made !== undefined) folders.push(made);
    if (written !== undefined) files.push(written);
    if (from !== undefined && to !== undefined) moves.push({ from, to });
    else if (cancelled !== undefined) {
      const at = moves.findLastIndex((move) => move.from === cancelled.from && move.to === cancelled.to);
      if (at >= 0) moves.splice(at, 1);
    }
  }
  return { folders, moves, written: files };
}

type Line = Partial<Transfer> & { readonly cancelled?: Transfer; readonly written?: Written; readonly folder?: string };

function parsed(line: string): Line | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Keeps the journal, as one that is done with. */
export async function closeJournal(disk: Disk, folder: string, id: string): Promise<void> {
  await disk.rename(join(folder, id + ENDING), join(folder, id + UNDONE));
}
