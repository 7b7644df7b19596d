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
  readonly hardLinks?: boolean;
  /** Steps until the process is killed: the last one may have happened, or in part. */
  readonly steps?: number;
  readonly torn?: boolean;
}

/** A file system in memory whose names are files, with volumes, and with a process that may be killed at any step. */
export class ModelDisk implements Disk {
  readonly files: Map<string, Inode>;
  /** Those that were made; one with a file in it is there as well. */
  readonly folders: Set<string>;
  #left: number;
  readonly #options: ModelOptions;

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
  #volume(file: string): number {
    return (this.#options.volumes ?? []).findIndex((folder) => file.startsWith(`${folder}/`)) + 1;
  }
  #at(file: string): Inode {
    const found = this.files.get(file);
    if (found === undefined) throw failure('ENOENT', file);
    return found;
  }
  #free(name: string): void {
    if (this.files.has(name)) throw failure('EEXIST', name);
  }
  #fresh(content: string): Inode {
    return { number: 1 + Math.max(0, ...[...this.files.values()].map(({ number }) => number)), content };
  }

  async state(file: string) {
    const found = this.files.get(file);
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
      this.files.set(name, found);
    });
  }
  symlink(file: string, name: string) {
    return this.#step(() => {
      this.#free(name);
      this.files.set(name, this.#fresh(`link to ${file}`));
    });
  }
  claim(name: string) {
    return this.#step(() => {
      this.#free(name);
      this.files.set(name, this.#fresh(''));
    });
  }
  rename(file: string, name: string) {
    return this.#step(() => {
      const found = this.#at(file);
      if (this.#volume(file) !== this.#volume(name)) throw failure('EXDEV', file);
      this.files.set(name, found);
      this.files.delete(file);
    });
  }
  remove(file: string) {
    return this.#step(() => {
      this.#at(file);
      this.files.delete(file);
    });
  }
  copy(file: string, into: string) {
    const write = (content: string): void => {
      this.#free(into);
      this.files.set(into, this.#fresh(content));
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
      this.files.set(file, this.#fresh(content));
    };
    return this.#step(
      () => write(text),
      () => write(text.slice(0, 1)),
    );
  }
  async sha256(file: string) {
    return hash(this.#at(file).content);
  }
  async settle(): Promise<void> {}
  append(file: string, line: string) {
    const add = (text: string): void => {
      const found = this.files.get(file) ?? this.#fresh('');
      found.content += text;
      this.files.set(file, found);
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
