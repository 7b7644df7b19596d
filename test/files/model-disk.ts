import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { Disk } from '../../src/files/transfer/disk.ts';

interface Inode {
  readonly number: number;
  content: string;
}

export class Killed extends Error {}

const FOLDER = { isFile: false, number: 0, size: 0, mtimeMs: 0, mode: 0o755 };

/** Why a step fails, as Node says it. */
function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}

interface ModelOptions {
  /** Folders that are there without a file in them. */
  readonly folders?: Iterable<string>;
  /** Folders that are a volume of their own. */
  readonly volumes?: readonly string[];
  /** Folders in which neither case nor the form of an accent tells names apart, as on cards, Macs and Windows. */
  readonly folding?: readonly string[];
  readonly hardLinks?: boolean;
  /** Steps until the process is killed: the last one may have happened, or in part. */
  readonly steps?: number;
  readonly torn?: boolean;
}

/**
 * A file system in memory whose names are files, with volumes, and with a process that may be killed at any step. Names that
 * no `settle` made durable may be lost when the power is cut.
 */
export class ModelDisk implements Disk {
  readonly files: Map<string, Inode>;
  /** Those that were made; one with a file in it is there as well. */
  readonly folders: Set<string>;
  #left: number;
  readonly #options: ModelOptions;
  /** By folder, what takes back each change of a name since it was settled, the latest last. */
  readonly #unsettled = new Map<string, (() => void)[]>();

  constructor(files: ReadonlyMap<string, Inode> | Readonly<Record<string, string>>, options: ModelOptions = {}) {
    const entries =
      files instanceof Map
        ? [...files]
        : Object.entries(files).map(([name, content], i) => [name, { number: i + 1, content }] as const);
    this.files = new Map(entries as [string, Inode][]);
    this.folders = new Set(options.folders);
    this.#options = options;
    this.#left = options.steps ?? Number.POSITIVE_INFINITY;
  }

  contents(): Map<string, string> {
    return new Map([...this.files].map(([name, { content }]) => [name, content]));
  }

  /** @param change happens also in the step in which the process dies, in part where it can be torn */
  async #step<T>(change: () => T, partly: () => void = () => undefined): Promise<T> {
    if (this.#left <= 0) throw new Killed();
    this.#left -= 1;
    if (this.#left > 0) return change();
    if (this.#options.torn) partly();
    else change();
    throw new Killed();
  }
  /**
   * Cuts the power: of the changes in each folder that were not settled the latest are lost.
   * @param kept of so many changes, how many stay
   */
  cutPower(kept: (changes: number) => number): void {
    for (const changes of this.#unsettled.values()) {
      for (const takeBack of changes.splice(kept(changes.length)).reverse()) takeBack();
    }
  }

  /** Sets names, or removes those of null, in one change of a folder. */
  #change(folder: string, names: readonly (readonly [string, Inode | null])[]): void {
    const before = names.map(([name]) => [name, this.files.get(name) ?? null] as const);
    const set = (entries: typeof names): void => {
      for (const [name, inode] of entries) {
        if (inode === null) this.files.delete(name);
        else this.files.set(name, inode);
      }
    };
    const changes = this.#unsettled.get(folder) ?? [];
    changes.push(() => set(before));
    this.#unsettled.set(folder, changes);
    set(names);
  }
  #set(name: string, inode: Inode | null): void {
    this.#change(dirname(name), [[name, inode]]);
  }
  /** The name under which the file system has this one. */
  #known(name: string): string {
    if (!this.#options.folding?.includes(dirname(name))) return name;
    const fold = (text: string): string => text.normalize('NFC').toLowerCase();
    return [...this.files.keys()].find((one) => fold(one) === fold(name)) ?? name;
  }
  #volume(file: string): number {
    return (this.#options.volumes ?? []).findIndex((folder) => file.startsWith(`${folder}/`)) + 1;
  }
  #at(file: string): Inode {
    const found = this.files.get(this.#known(file));
    if (found === undefined) throw failure('ENOENT', file);
    return found;
  }
  #free(name: string): void {
    if (this.files.has(this.#known(name))) throw failure('EEXIST', name);
  }
  #fresh(content: string): Inode {
    return { number: 1 + Math.max(0, ...[...this.files.values()].map(({ number }) => number)), content };
  }

  async state(file: string) {
    const found = this.files.get(this.#known(file));
    if (found === undefined) return this.#isFolder(file) ? { ...FOLDER, volume: this.#volume(file) } : null;
    const { number, content } = found;
    return { isFile: true, volume: this.#volume(file), number, size: content.length, mtimeMs: 0, mode: 0o644 };
  }
  async names(folder: string) {
    return [...this.files.keys()].flatMap((name) => (dirname(name) === folder ? [name.slice(folder.length + 1)] : []));
  }
  async clear(folder: string): Promise<void> {
    for (const name of await this.names(folder))
      if (/^\.curate-.*\.part$/.test(name)) this.files.delete(`${folder}/${name}`);
  }
  #isFolder(name: string): boolean {
    return [...this.files.keys(), ...this.folders].some((one) => one === name || one.startsWith(`${name}/`));
  }
  async makeFolder(folder: string): Promise<void> {
    for (let one = folder; !this.#isFolder(one) && dirname(one) !== one; one = dirname(one)) this.folders.add(one);
  }
  removeFolder(folder: string) {
    return this.#step(() => {
      if ([...this.files.keys(), ...this.folders].some((one) => one.startsWith(`${folder}/`))) return;
      this.folders.delete(folder);
    });
  }
  link(file: string, name: string) {
    return this.#step(() => {
      const found = this.#at(file);
      this.#free(name);
      if (this.#volume(file) !== this.#volume(name)) throw failure('EXDEV', file);
      if (this.#options.hardLinks === false) throw failure('ENOTSUP', file);
      this.#set(name, found);
    });
  }
  symlink(file: string, name: string) {
    return this.#step(() => {
      this.#free(name);
      this.#set(name, this.#fresh(`link to ${file}`));
    });
  }
  claim(name: string) {
    return this.#step(() => {
      this.#free(name);
      this.#set(name, this.#fresh(''));
    });
  }
  rename(file: string, name: string) {
    return this.#step(() => {
      const found = this.#at(file);
      if (this.#volume(file) !== this.#volume(name)) throw failure('EXDEV', file);
      // One change, as in every file system that keeps a journal.
      this.#change(dirname(name), [
        [this.#known(file), null],
        [this.#known(name), found],
      ]);
    });
  }
  remove(file: string) {
    return this.#step(() => {
      this.#at(file);
      this.#set(this.#known(file), null);
    });
  }
  copy(file: string, into: string) {
    const write = (content: string): void => {
      this.#free(into);
      this.#set(into, this.#fresh(content));
    };
    return this.#step(
      () => {
        write(this.#at(file).content);
        return hash(this.#at(file).content);
      },
      () => write(this.#at(file).content.slice(0, 1)),
    );
  }
  write(file: string, text: string) {
    const write = (content: string): void => {
      this.#free(file);
      this.#set(file, this.#fresh(content));
    };
    return this.#step(
      () => write(text),
      () => write(text.slice(0, 1)),
    );
  }
  async sha256(file: string) {
    return hash(this.#at(file).content);
  }
  async settle(folder: string): Promise<void> {
    this.#unsettled.delete(folder);
  }
  append(file: string, line: string) {
    const add = (text: string): void => {
      if (!this.files.has(file)) this.#set(file, this.#fresh(''));
      this.#at(file).content += text;
    };
    return this.#step(
      () => add(`${line}\n`),
      () => add(line.slice(0, line.length / 2)),
    );
  }
  async read(file: string) {
    return this.#at(file).content;
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
