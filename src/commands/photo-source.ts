import type { Embedder } from '../embedding/port.ts';
import type { PhotoSource } from '../picture/offer.ts';
import type { PhotoStore } from '../store/port.ts';
import type { Context } from './command.ts';
import { explainEmptiness } from './emptiness.ts';
import { type OpenLibrary, openLibrary } from './open.ts';

/** The library, opened when it is first needed: a request whose photos are all named needs none. */
export class LazyPhotos implements PhotoSource {
  readonly #context: Context;
  readonly #flags: { readonly model?: string };
  #library: Promise<OpenLibrary> | null = null;
  #embedder: Promise<Embedder> | null = null;

  constructor(context: Context, flags: { readonly model?: string }) {
    this.#context = context;
    this.#flags = flags;
  }

  async store(): Promise<PhotoStore> {
    return (await this.#get()).store;
  }

  embedder(): Promise<Embedder> {
    this.#embedder ??= this.#get().then(({ openEmbedder }) => openEmbedder({ jobs: 1 }));
    return this.#embedder;
  }

  async explainEmptiness(): Promise<void> {
    await explainEmptiness(await this.#get(), this.#flags);
  }

  async close(): Promise<void> {
    await (await this.#embedder?.catch(() => null))?.close();
    await (await this.#library?.catch(() => null))?.close();
  }

  #get(): Promise<OpenLibrary> {
    this.#library ??= openLibrary(this.#context, this.#flags);
    return this.#library;
  }
}
