import { UserError } from '../errors.ts';
import { isLocked } from '../lock.ts';
import { indexLock, type OpenLibrary } from './open.ts';

/** Nothing found has two meanings: nothing is like it, or nothing is there to search. */
export async function explainEmptiness(
  library: OpenLibrary,
  flags: { readonly model?: string | undefined },
): Promise<void> {
  const [store, table] = await Promise.all([library.store, library.table]);
  if ((await table.count()) > 0) return;
  const others = (await store.models()).filter(({ photos }) => photos > 0);
  const [other] = others;
  if (other !== undefined) {
    throw new UserError('other_model', `Nothing is indexed with the model ${library.model.id}.`, {
      hint: `The index was made with ${other.model.id}: add --model ${other.model.id}, or index again with --model ${flags.model ?? library.model.id}.`,
    });
  }
  const indexing = await isLocked(indexLock(library.settings));
  throw new UserError('nothing_indexed', 'Nothing is indexed yet.', {
    hint: indexing
      ? 'A run of curate index is at work: its first photos can be found in a few seconds.'
      : 'Index a folder first: curate index FOLDER',
  });
}
