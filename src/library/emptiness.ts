import { UserError } from '../errors.ts';
import { isIndexing } from './index/lock.ts';
import type { Session } from './session.ts';

/**
 * For a search that found nothing, which has two meanings: nothing is like it, or nothing is there to search.
 * @throws UserError `nothing_indexed` or `other_model` when nothing is there to search.
 */
export async function explainEmptiness(session: Session): Promise<void> {
  const [{ store, table }, model] = await Promise.all([session.index(), session.model()]);
  if ((await table.count()) > 0) return;
  const [other] = (await store.models()).filter(({ photos }) => photos > 0);
  if (other === undefined) throw await nothingIndexed(session);
  throw new UserError('other_model', `Nothing is indexed with the model ${model.id}.`, {
    hint: `The index was made with ${other.model.id}: add --model ${other.model.id}, or index again with --model ${session.settings.model ?? model.id}.`,
  });
}

/**
 * Before a search: the embedded store is not set up only to be found empty.
 * @throws UserError `nothing_indexed` when it never was.
 */
export async function demandStore(session: Session): Promise<void> {
  const { storeExists } = await import('../store/open.ts');
  if (!(await storeExists(session.settings))) throw await nothingIndexed(session);
}

async function nothingIndexed({ settings }: Session): Promise<UserError> {
  return new UserError('nothing_indexed', 'Nothing is indexed yet.', {
    hint: (await isIndexing(settings))
      ? 'A run of curate index is at work: its first photos can be found in a few seconds.'
      : 'Index a folder first: curate index FOLDER',
  });
}
