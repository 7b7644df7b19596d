import { UserError } from '../../errors.ts';
import type { PhotoStore } from '../../store/port.ts';
import { countEqual, queries, SAME_SCORE, SEARCHES } from './compare.ts';
import { CopiedTable } from './copied-table.ts';

/**
 * Copies every library and its rows of every model from one store to another, which has nothing but what an earlier call
 * brought there, and compares them row by row and by searches. Libraries come last: until then nothing is found there.
 * @throws UserError `store_engine` when both do not give the same, and `interrupted`
 */
export async function copyWholeStore(
  source: PhotoStore,
  target: PhotoStore,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const [libraries, models] = await Promise.all([source.libraries(), source.models()]);
  const total = models.reduce((sum, { photos }) => sum + photos, 0);
  let done = 0;
  for (const { model } of models) {
    const tables = { source: source.table(model), target: target.table(model) };
    const ids: string[] = [];
    for (const { id: library } of libraries) {
      const part = new CopiedTable({
        ...tables,
        library,
        joined: false,
        signal,
        changing: async () => undefined,
        onRows: (rows) => {
          done += rows;
          onProgress(Math.min(done, total), total);
        },
      });
      await part.fill();
      const { rows, sample } = await part.settle(Math.max(1, Math.floor(total / SEARCHES)));
      ids.push(...sample);
      if ((await tables.target.count(library)) !== rows) throw notTheSame(model.id);
    }
    await tables.target.flush();
    const vectors = (await tables.source.rows(ids)).map(({ vector }) => vector);
    const asked = queries(vectors, SEARCHES);
    const comparison = { ...tables, libraries: libraries.map(({ id }) => id), tolerance: SAME_SCORE };
    if ((await countEqual(comparison, asked, () => undefined)) < asked.length) throw notTheSame(model.id);
  }
  for (const library of libraries) await target.putLibrary(library);
}

function notTheSame(model: string): UserError {
  return new UserError('store_engine', `The new Milvus Lite does not give the photos of ${model} as the old one did.`, {
    hint: 'Nothing was changed. Run the command again, and report it if it stays so; the curate that you had still works.',
  });
}
