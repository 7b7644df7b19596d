import type { PhotoRow, PhotoTable, Reading } from '../store/port.ts';

/** Whole rows by their ids, `size` of them at a time, so that never more vectors are in memory. */
export async function* rowsInPortions(
  table: Pick<PhotoTable, 'rows'>,
  ids: readonly string[],
  size: number,
  reading?: Reading,
): AsyncGenerator<PhotoRow[]> {
  for (let from = 0; from < ids.length; from += size) yield await table.rows(ids.slice(from, from + size), reading);
}
