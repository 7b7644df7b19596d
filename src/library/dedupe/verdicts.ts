import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import { version } from '../../version.ts';
import { openLevel } from '../index/level.ts';

/** To be raised with every change by which a pair may be judged otherwise; other versions of curate judge anew in any case. */
const RULES = 1;

/** A content as it was compared: at another size what differs by a hair may come out the other way. */
export interface Compared {
  readonly sha256: string;
  /** The longest side in pixels; 0 where a print was enough. */
  readonly side: number;
}

/**
 * Which pairs of contents are the same picture, as their pixels said, in an embedded database of the cache folder. What is
 * double is looked at first and moved by a second run, and decoding is the most of either; and a run that was cut off goes
 * on from where it was. Where nothing can be kept, as while another run has it open, all is compared.
 */
export class Verdicts {
  readonly #level: ClassicLevel<string, string> | null;
  readonly #judge = `${RULES} ${version()}`;

  private constructor(level: ClassicLevel<string, string> | null) {
    this.#level = level;
  }

  /** @param cache the folder for what can be made again */
  static async open(cache: string): Promise<Verdicts> {
    const folder = join(cache, 'verdicts');
    const level = await openLevel(folder).catch(async (error: unknown) => {
      if (isLocked(error)) return null;
      // Damaged, and nothing of it is worth a repair.
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
      return openLevel(folder).catch(() => null);
    });
    return new Verdicts(level);
  }

  /** Whether both are the same picture; undefined where they were never compared like this. */
  async of(a: Compared, b: Compared): Promise<boolean | undefined> {
    const said = await this.#level?.get(this.#key(a, b)).catch(() => undefined);
    return said === undefined ? undefined : said === 'same';
  }

  async note(a: Compared, b: Compared, isSame: boolean): Promise<void> {
    await this.#level?.put(this.#key(a, b), isSame ? 'same' : 'other').catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#level?.close().catch(() => undefined);
  }

  #key(a: Compared, b: Compared): string {
    const both = [a, b].map(({ sha256, side }) => `${sha256} ${side}`).sort();
    return createHash('sha256')
      .update([this.#judge, ...both].join('\n'))
      .digest('base64url')
      .slice(0, 24);
  }
}

function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
}
