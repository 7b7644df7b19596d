import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeOwnFolders } from '../../files/folders.ts';

/** Values that wait in memory before they are written. */
const FEW = 1000;
/** Of the file, read at a time. */
const PAGE_BYTES = 65_536;

/**
 * Values that are put aside in order, and read back as often as one likes: all but a few wait in a file, as lines of
 * JSON, so that memory does not grow with their number. Where the file cannot be written, they stay in memory.
 */
export class Spool<T> {
  readonly #file: string | null;
  #handle: FileHandle | null = null;
  /** Bytes of the file that are whole. */
  #written = 0;
  #failed = false;
  #waiting: string[] = [];
  #length = 0;

  /** @param file is made when it is needed; null keeps all in memory */
  constructor(file: string | null) {
    this.#file = file;
    this.#failed = file === null;
  }

  get length(): number {
    return this.#length;
  }

  async push(value: T): Promise<void> {
    this.#length += 1;
    if (this.#waiting.push(JSON.stringify(value)) >= FEW && !this.#failed) await this.#write();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    const decoder = new TextDecoder();
    let rest = '';
    for (let at = 0; this.#handle !== null && at < this.#written; ) {
      const length = Math.min(PAGE_BYTES, this.#written - at);
      const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(length), 0, length, at);
      if (bytesRead === 0) throw new Error(`${this.#file} ends after ${at} of ${this.#written} bytes`);
      at += bytesRead;
      const lines = (rest + decoder.decode(buffer.subarray(0, bytesRead), { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as T;
    }
    for (const line of this.#waiting) yield JSON.parse(line) as T;
  }

  async close(): Promise<void> {
    await this.#handle?.close().catch(() => undefined);
    if (this.#file !== null && this.#handle !== null) await rm(this.#file, { force: true }).catch(() => undefined);
    this.#handle = null;
  }

  async #write(): Promise<void> {
    try {
      this.#handle ??= await this.#make(this.#file ?? '');
      const bytes = Buffer.from(`${this.#waiting.join('\n')}\n`);
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#written + done);
        done += bytesWritten;
      }
      this.#written += bytes.length;
      this.#waiting = [];
    } catch {
      this.#failed = true;
    }
  }

  async #make(file: string): Promise<FileHandle> {
    await makeOwnFolders(dirname(file));
    return open(file, 'w+', 0o600);
  }
}
