import { UserError } from '../errors.ts';
import { indexLock, type Session } from '../library/session.ts';
import { isLocked } from '../lock.ts';

/** Nothing found has two meanings: nothing is like it, or nothing is there to search. */
export async function explainEmptiness(session: Session): Promise<void> {
  const [{ store, table }, model] = await Promise.all([session.index(), session.model()]);
  if ((await table.count()) > 0) return;
  const others = (await store.models()).filter(({ photos }) => photos > 0);
  const [other] = others;
  if (other !== undefined) {
    throw new UserError('other_model', `Nothing is indexed with the model ${model.id}.`, {
      hint: `The index was made with ${other.model.id}: add --model ${other.model.id}, or index again with --model ${session.settings.model ?? model.id}.`,
    });
  }
  const indexing = await isLocked(indexLock(session.settings));
  throw new UserError('nothing_indexed', 'Nothing is indexed yet.', {
    hint: indexing
      ? 'A run of curate index is at work: its first photos can be found in a few seconds.'
      : 'Index a folder first: curate index FOLDER',
  });
}
