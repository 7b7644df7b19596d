import { interruptedError } from '../errors.ts';
import type { PhotoRow } from '../store/port.ts';
import { demandStore, explainEmptiness } from './emptiness.ts';
import { photoFile } from './paths.ts';
import { filterFor, type Restriction } from './photo-filter.ts';
import type { Session } from './session.ts';

export interface IndexedPhoto extends PhotoRow {
  /** Absolute native path. */
  readonly file: string;
  readonly libraryName: string;
}

/**
 * The photos of the index with their vectors, in one and the same order as long as nothing is indexed; nothing is
 * embedded, and one page of the store is in memory at a time.
 * @throws UserError when nothing is indexed, and `interrupted`
 */
export async function* indexedPhotos(
  session: Session,
  restriction: Restriction,
  signal: AbortSignal,
): AsyncGenerator<IndexedPhoto> {
  await demandStore(session);
  const { store, table } = await session.index();
  if ((await table.count()) === 0) await explainEmptiness(session);
  const libraries = new Map((await store.libraries()).map((library) => [library.id, library]));
  const filter = await filterFor(session.store, restriction);
  for await (const row of table.all({ vectors: true, ...(filter === null ? {} : { filter }) })) {
    if (signal.aborted) throw interruptedError('Interrupted; nothing was written.');
    const library = libraries.get(row.library);
    if (library !== undefined) yield { ...row, file: photoFile(library, row.path), libraryName: library.name };
  }
}
