import type { PhotoTable } from '../store/port.ts';

/** Ids per delete. */
const MAX_IDS = 500;

export async function removeIds(table: Pick<PhotoTable, 'remove'>, ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += MAX_IDS) await table.remove(ids.slice(from, from + MAX_IDS));
}
