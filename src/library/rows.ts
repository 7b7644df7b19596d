import type { PhotoTable } from '../store/port.ts';

/** Ids per delete. */
const MAX_IDS = 500;

/** Takes a library's rows out of one model's table, as they are listed; returns how many there were. */
export async function removeRows(table: PhotoTable, library: string): Promise<number> {
  let removed = 0;
  let ids: string[] = [];
  for await (const { id } of table.photos(library)) {
    if (ids.push(id) < MAX_IDS) continue;
    await table.remove(ids);
    removed += ids.length;
    ids = [];
  }
  await removeIds(table, ids);
  return removed + ids.length;
}

export async function removeIds(table: Pick<PhotoTable, 'remove'>, ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += MAX_IDS) await table.remove(ids.slice(from, from + MAX_IDS));
}
