import { readFile } from 'node:fs/promises';
import { sha256 } from '../../files/hash.ts';
import { type LineageReference, resolveStored } from './lineage.ts';

/** A photo that a request sent, and what became of its file. */
export interface Original {
  /** Absolute. */
  readonly file: string;
  readonly role: LineageReference['role'];
  readonly score: number | null;
  readonly state: 'same' | 'changed' | 'gone';
}

/** Whether the photos a lineage names are still there, byte for byte. @param folder of the lineage file */
export function checkOriginals(references: readonly LineageReference[], folder: string): Promise<Original[]> {
  return Promise.all(
    references.map(async ({ path, role, score, sha256: before }) => {
      const { file } = resolveStored(path, folder);
      const bytes = await readFile(file).catch(() => null);
      const state = bytes === null ? 'gone' : sha256(bytes) === before ? 'same' : 'changed';
      return { file, role, score, state } as const;
    }),
  );
}
