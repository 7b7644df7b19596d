import { Draft } from '../../files/atomic-write.ts';
import type { IndexedPhoto } from '../../library/exported.ts';
import { csvLine } from '../delimited.ts';
import { type ExportRow, exportRow } from '../photo-facts.ts';
import { shortest } from '../text.ts';

/** A JSON object a line: the fields, and `vector` as an array of numbers. */
export function exportLines(file: string, photos: AsyncIterable<IndexedPhoto>): Promise<number> {
  return write(file, photos, '', (row, vector) => `${JSON.stringify({ ...row, vector })}\n`);
}

const FIELDS = [
  'path',
  'library',
  'width',
  'height',
  'takenAt',
  'takenFrom',
  'camera',
  'modifiedAt',
  'sizeBytes',
  'sha256',
  'sharpness',
] as const satisfies readonly (keyof ExportRow)[];

/** A line of names, then a line a photo; the vector is one cell that holds a JSON array. */
export function exportCsv(file: string, photos: AsyncIterable<IndexedPhoto>): Promise<number> {
  return write(file, photos, csvLine([...FIELDS, 'vector']), (row, vector) =>
    csvLine([...FIELDS.map((field) => row[field]), JSON.stringify(vector)]),
  );
}

async function write(
  file: string,
  photos: AsyncIterable<IndexedPhoto>,
  head: string,
  line: (row: ExportRow, vector: readonly number[]) => string,
): Promise<number> {
  const draft = await Draft.open(file);
  let rows = 0;
  try {
    await draft.handle.writeFile(head);
    for await (const photo of photos) {
      await draft.handle.writeFile(line(exportRow(photo), shortest(photo.vector)));
      rows += 1;
    }
    await draft.publish();
    return rows;
  } catch (error) {
    await draft.abandon();
    throw error;
  }
}
