import type { PhotoRecord } from '../store/port.ts';

/** What the index knows of a file. */
export type IndexedFile = Pick<PhotoRecord, 'sha256' | 'size' | 'mtimeMs'>;

/**
 * Whether a file is the one that was indexed. It is read only where its time alone differs: it may have been touched, or the
 * time be that of another machine's copy.
 * @param sha256 reads it; null when it cannot be read
 */
export async function isAsIndexed(
  now: { readonly size: number; readonly mtimeMs: number },
  indexed: IndexedFile,
  sha256: () => Promise<string | null>,
): Promise<boolean> {
  if (now.size !== indexed.size) return false;
  return Math.round(now.mtimeMs) === indexed.mtimeMs || (await sha256()) === indexed.sha256;
}
