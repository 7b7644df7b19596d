import type { PhotoTable } from '../store/port.ts';

/** Ids per delete. */
const MAX_IDS = 500;

/** Takes a library's rows out of one model's table; returns how many there were. */
export async function removeRows(table: PhotoTable, library: string): Promise<number> {
  const ids: string[] = [];
  for await (const { id } of table.photos(library)) ids.push(id);
  await removeIds(table, ids);
  return ids.length;
}

export async function removeIds(table: Pick<PhotoTable, 'remove'>, ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += MAX_IDS) await table.remove(ids.slice(from, from + MAX_IDS));
}
