import { interruptedError, UserError } from '../../errors.ts';
import type { ModelIdentity, UpgradeOptions } from '../port.ts';
import type { MilvusLine } from './client.ts';
import { Collection } from './collection.ts';
import { pagesOf } from './pages.ts';
import { fieldsOf, toMilvus, toRow } from './rows.ts';
import { type PhotosVersion, photosSpec } from './schema.ts';

/** Rows copied at a time, of 8 KB each. */
const COPIED_ROWS = 1000;

interface Generation {
  readonly collection: Collection;
  readonly version: PhotosVersion;
}

/**
 * One model's collection of this version, and the one that curate 0.1.0 made. The earlier one is copied in order of
 * id and then dropped: that it is there means that the upgrade has not ended, and whatever the current one holds of it
 * so far is its beginning.
 */
export class Generations {
  readonly #current: Generation;
  readonly #earlier: Generation;
  readonly #dim: number;
  /** Whether the earlier one is known to be gone. */
  #settled = false;

  constructor(line: MilvusLine, model: ModelIdentity) {
    this.#current = { collection: new Collection(line, photosSpec(model, 2)), version: 2 };
    this.#earlier = { collection: new Collection(line, photosSpec(model, 1)), version: 1 };
    this.#dim = model.dim;
  }

  /** The collection that holds every row. */
  async readable(): Promise<Generation> {
    if (!(await this.#hasEarlier())) return this.#current;
    const [copied, all] = await Promise.all([this.#current.collection.count(''), this.#earlier.collection.count('')]);
    // An earlier curate that still writes here makes the old collection again, with little in it.
    return copied < all ? this.#earlier : this.#current;
  }

  async writable(): Promise<Collection> {
    await this.upgrade({ interrupted: new AbortController().signal, onProgress: () => undefined });
    return this.#current.collection;
  }

  async all(): Promise<Collection[]> {
    const current = this.#current.collection;
    return (await this.#hasEarlier()) ? [this.#earlier.collection, current] : [current];
  }

  /** Copies what has not been copied yet; two machines that do so at once write the same rows. */
  async upgrade({ interrupted, onProgress }: UpgradeOptions): Promise<void> {
    if (!(await this.#hasEarlier())) return;
    try {
      await this.#copy(interrupted, onProgress);
    } catch (error) {
      // Dropped meanwhile: another machine was faster.
      if (await this.#earlier.collection.exists()) throw error;
    }
    this.#settled = true;
  }

  async #copy(interrupted: AbortSignal, onProgress: UpgradeOptions['onProgress']): Promise<void> {
    const [{ collection: current }, { collection: earlier, version }] = [this.#current, this.#earlier];
    const total = await earlier.count('');
    let [last, done] = ['', 0];
    for await (const page of pagesOf(current, { fields: ['id'] })) {
      done += page.length;
      last = String(page.at(-1)?.id);
    }
    onProgress(done, total);
    const fields = ['id', ...fieldsOf(version, 'row')];
    for await (const page of pagesOf(earlier, { fields, after: last, pageRows: COPIED_ROWS })) {
      if (interrupted.aborted) throw interruptedError('Interrupted; the next run continues to upgrade the index.');
      await current.upsert(page.map((row) => toMilvus(toRow(row), this.#dim)));
      done += page.length;
      onProgress(done, total);
    }
    const copied = await current.count('');
    if (copied < total) {
      throw new UserError('store_failed', `Only ${copied} of ${total} rows of the index could be upgraded.`, {
        hint: 'Nothing was removed: run the command again.',
      });
    }
    await current.flush();
    await earlier.drop();
  }

  async #hasEarlier(): Promise<boolean> {
    if (!this.#settled) this.#settled = !(await this.#earlier.collection.exists());
    return !this.#settled;
  }
}
