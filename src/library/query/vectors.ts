import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Embedder } from '../../embedding/port.ts';
import type { PhotoIndex, PhotoRow } from '../../store/port.ts';
import { inside, photoId } from '../paths.ts';
import { rowsInPortions } from '../rows.ts';
import type { Session } from '../session.ts';
import { unusableQuery } from '../vector-search.ts';
import { MANY, outsideLibraries } from './outside.ts';
import type { PhotoTerm } from './resolve.ts';

/** Rows asked for at a time. */
const PORTION = 200;

/** The vectors of query photos, each read once. */
export interface QueryVectors {
  /** @throws UserError `query_unreadable` */
  of(photo: PhotoTerm): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * An indexed photo whose file is as it was has its vector in the index; the others are embedded, side by side. Photos that
 * lie in no library of this machine are embedded while the store opens.
 * @param outside those photos, where they are known already
 * @param onRead told of each photo whose vector is there
 */
export async function openVectors(
  session: Pick<Session, 'embedder' | 'openEmbedder' | 'machine'>,
  opening: Promise<PhotoIndex>,
  photos: readonly PhotoTerm[],
  {
    outside,
    onRead = () => undefined,
  }: {
    readonly outside?: readonly string[] | undefined;
    readonly onRead?: ((done: number, total: number) => void) | undefined;
  },
): Promise<QueryVectors> {
  const names = new Map(photos.map(({ file, name }) => [file, name]));
  const files = [...names.keys()];
  let done = 0;
  const vectors = new Map<string, Promise<Float32Array>>();
  const start = (embedder: Embedder, file: string): void => {
    const embedded = embed(embedder, file, names.get(file) ?? file).finally(() => {
      done += 1;
      onRead(done, files.length);
    });
    // Whoever awaits it is told of a failure; until then it must not count as unhandled.
    embedded.catch(() => undefined);
    vectors.set(file, embedded);
  };
  let own: Embedder | null = null;
  const startAll = async (some: readonly string[]): Promise<void> => {
    if (some.length >= MANY) own ??= await session.openEmbedder();
    if (some.length === 0) return;
    const embedder = own ?? (await session.embedder());
    for (const file of some) start(embedder, file);
  };
  await startAll(outside ?? (await outsideLibraries(session.machine, files)));
  const others = files.filter((file) => !vectors.has(file));
  const stored = others.length === 0 ? new Map<string, Float32Array>() : await storedVectors(await opening, others);
  done += stored.size;
  if (stored.size > 0) onRead(done, files.length);
  for (const [file, vector] of stored) vectors.set(file, Promise.resolve(vector));
  await startAll(others.filter((file) => !stored.has(file)));
  return {
    of: ({ file }) => vectors.get(file) ?? Promise.reject(new Error(`${file} was not announced`)),
    close: async () => own?.close(),
  };
}

async function embed(embedder: Embedder, file: string, name: string): Promise<Float32Array> {
  const result = await embedder.embed({ file });
  if (result.kind === 'embedded') return result.photo.vector;
  if (result.kind === 'known') throw new Error('the embedder found a hash that it was not given');
  const { fault } = result;
  const hint = fault.code === 'not_an_image' ? whatElse(basename(name)) : undefined;
  throw unusableQuery(name === '-' ? 'on standard input' : name, fault, hint);
}

/** What may have been meant by the name of a file that is no photo. */
function whatElse(name: string): string {
  const word = /^\p{L}+$/u.test(name) ? ` To search by the word, write word:${name}` : '';
  return `Name a photo; a list of photos is read with --from.${word}`;
}

/** By file, for those in the index whose size and time are the same as when they were indexed. */
async function storedVectors(
  { store, table }: PhotoIndex,
  files: readonly string[],
): Promise<Map<string, Float32Array>> {
  const libraries = await store.libraries({ recent: false });
  const places = await Promise.all(
    files.map(async (file) => {
      const real = await realpath(file).catch(() => file);
      const now = await stat(real).catch(() => null);
      if (now === null) return [];
      return libraries.flatMap(({ id, root }) => {
        const path = inside(root, real);
        return path === null ? [] : [{ id: photoId(id, path), file, size: now.size, mtimeMs: Math.round(now.mtimeMs) }];
      });
    }),
  );
  const wanted = places.flat();
  const ids = [...new Set(wanted.map(({ id }) => id))];
  const rows = new Map<string, PhotoRow>();
  for await (const some of rowsInPortions(table, ids, PORTION, { recent: false })) {
    for (const row of some) rows.set(row.id, row);
  }
  const vectors = new Map<string, Float32Array>();
  for (const { id, file, size, mtimeMs } of wanted) {
    const row = rows.get(id);
    if (row?.size === size && row.mtimeMs === mtimeMs) vectors.set(file, row.vector);
  }
  return vectors;
}
