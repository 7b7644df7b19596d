import type sharp from 'sharp';
import { failureOf, losesPixels } from './decode-failure.ts';
import type { Faulty } from './fault.ts';
import type { PhotoFormat } from './sniff.ts';

/**
 * sharp, loaded where a photo needs it, and set up for one photo after the other: no more than a thread for each, and
 * nothing kept of those before.
 */
export async function loadSharp(): Promise<typeof sharp> {
  const { default: loaded } = await import('sharp');
  loaded.concurrency(1);
  loaded.cache(false);
  return loaded;
}

/** Lets work run side by side, and some of it alone while nothing else is inside. */
export class Crossing {
  #inside = 0;
  #closed = false;
  #waiting: (() => void)[] = [];

  async together<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#change();
    this.#inside += 1;
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      this.#wake();
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#change();
    this.#closed = true;
    try {
      while (this.#inside > 0) await this.#change();
      return await work();
    } finally {
      this.#closed = false;
      this.#wake();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}

/** What sharp refuses: whatever libvips warns of, or errors alone (its `failOn`). */
export type Strictness = 'warning' | 'error';

/**
 * libvips keeps its messages in one place for the whole process: of two photos decoded side by side, each may be told
 * what is wrong with the other, or nothing. A verdict is given alone.
 */
const crossing = new Crossing();

/** Decodes with sharp: strictly; when only something harmless was wrong, once more, leniently. */
export async function judged<Decoded>(
  bytes: Uint8Array,
  format: PhotoFormat,
  decode: (strictness: Strictness) => Promise<Decoded>,
): Promise<Decoded | Faulty> {
  try {
    return await crossing.together(() => decode('warning'));
  } catch {
    return await crossing.alone(() => judge(bytes, format, decode));
  }
}

async function judge<Decoded>(
  bytes: Uint8Array,
  format: PhotoFormat,
  decode: (strictness: Strictness) => Promise<Decoded>,
): Promise<Decoded | Faulty> {
  try {
    return await decode('warning');
  } catch (error) {
    if (losesPixels(error)) return { kind: 'fault', fault: failureOf(error, format, bytes) };
  }
  try {
    return await decode('error');
  } catch (error) {
    return { kind: 'fault', fault: failureOf(error, format, bytes) };
  }
}
