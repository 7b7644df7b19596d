import type { EmbeddedPhoto, Embedder, PhotoFault } from '../embedding/port.ts';

export type PhotoVector = {
  /** Of the list, from 0. */
  readonly row: number;
  readonly file: string;
} & (
  | { readonly kind: 'embedded'; readonly photo: EmbeddedPhoto }
  | { readonly kind: 'fault'; readonly fault: PhotoFault }
);

/**
 * Embeds files and gives the results in the order of the list, one by one: the embedder is kept busy and memory
 * bounded, however slow the reader is.
 */
export async function* embedInOrder(embedder: Embedder, files: readonly string[]): AsyncGenerator<PhotoVector> {
  const ahead: Promise<PhotoVector>[] = [];
  for (const [row, file] of files.entries()) {
    const embedded = embedOne(embedder, row, file);
    // Whoever waits for it is told of a failure; until then it must not count as unhandled.
    embedded.catch(() => undefined);
    ahead.push(embedded);
    const first = ahead.length > 4 * embedder.capacity ? ahead.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  yield* ahead;
}

async function embedOne(embedder: Embedder, row: number, file: string): Promise<PhotoVector> {
  const result = await embedder.embed({ file });
  if (result.kind === 'known') throw new Error('the embedder found a hash that it was not given');
  return { row, file, ...result };
}
