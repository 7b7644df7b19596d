import type { PhotoStore } from '../store/port.ts';
import type { Finder } from './comic-candidates.ts';
import type { Context } from './command.ts';
import { type OpenLibrary, openLibrary } from './open.ts';

/** The library, opened when it is first needed: a request whose photos are all named needs none. */
export class LazyLibrary {
  readonly #context: Context;
  readonly #flags: { readonly model?: string | undefined };
  #library: Promise<OpenLibrary> | null = null;
  #finder: Promise<Finder> | null = null;

  constructor(context: Context, flags: { readonly model?: string | undefined }) {
    this.#context = context;
    this.#flags = flags;
  }

  get(): Promise<OpenLibrary> {
    this.#library ??= openLibrary(this.#context, this.#flags);
    return this.#library;
  }

  async store(): Promise<PhotoStore> {
    return (await this.get()).store;
  }

  finder(): Promise<Finder> {
    this.#finder ??= this.get().then(async ({ store, table, openEmbedder }) => {
      return { store, table, embedder: await openEmbedder({ jobs: 1 }) };
    });
    return this.#finder;
  }

  async close(): Promise<void> {
    await (await this.#finder?.catch(() => null))?.embedder.close();
    await (await this.#library?.catch(() => null))?.close();
  }
}
