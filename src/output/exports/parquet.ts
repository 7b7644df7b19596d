import type { SchemaElement } from 'hyparquet-writer';
import { Draft } from '../../files/atomic-write.ts';
import type { IndexedPhoto } from '../../library/exported.ts';
import type { ModelIdentity } from '../../store/port.ts';
import { type ExportRow, exportRow } from '../photo-facts.ts';

/** Photos of a row group: 8 MB of vectors of 2048. */
const GROUP = 1000;

type Type = 'text' | 'integer' | 'long' | 'number' | 'time';

const COLUMNS = {
  path: 'text',
  library: 'text',
  width: 'integer',
  height: 'integer',
  takenAt: 'text',
  takenFrom: 'text',
  camera: 'text',
  modifiedAt: 'time',
  sizeBytes: 'long',
  sha256: 'text',
  sharpness: 'number',
} as const satisfies Record<keyof ExportRow, Type>;

const TYPES: Readonly<Record<Type, Omit<SchemaElement, 'name'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  integer: { type: 'INT32' },
  long: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
};

/** `takenAt` stays text: the wall clock of a camera that knows no zone is no moment. */
function schema(): SchemaElement[] {
  const fields = Object.entries(COLUMNS).map(
    ([name, type]): SchemaElement => ({ name, repetition_type: 'OPTIONAL', ...TYPES[type] }),
  );
  return [
    { name: 'root', num_children: fields.length + 1 },
    ...fields,
    { name: 'vector', repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', type: 'FLOAT' },
  ];
}

/** Columns as in the CSV, the vector as a list of floats, and the model in the file's metadata. */
export async function exportParquet(
  file: string,
  photos: AsyncIterable<IndexedPhoto>,
  { id, sha256, dim }: ModelIdentity,
): Promise<number> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const draft = await Draft.open(file);
  try {
    const bytes = new ByteWriter();
    const model = JSON.stringify({ id, sha256, dim });
    const parquet = new ParquetWriter({
      writer: bytes,
      schema: schema(),
      kvMetadata: [{ key: 'curate.model', value: model }],
      createdBy: 'curate',
    });
    const drain = async (): Promise<void> => {
      await draft.handle.writeFile(new Uint8Array(bytes.buffer, 0, bytes.index));
      bytes.index = 0;
    };
    let rows = 0;
    let group: IndexedPhoto[] = [];
    const writeGroup = async (): Promise<void> => {
      await parquet.write({ columnData: columnsOf(group), rowGroupSize: GROUP });
      await drain();
      rows += group.length;
      group = [];
    };
    for await (const photo of photos) if (group.push(photo) === GROUP) await writeGroup();
    if (group.length > 0) await writeGroup();
    parquet.finish();
    await drain();
    await draft.publish();
    return rows;
  } catch (error) {
    await draft.abandon();
    throw error;
  }
}

function columnsOf(photos: readonly IndexedPhoto[]) {
  const rows = photos.map(exportRow);
  const columns = Object.entries(COLUMNS).map(([name, type]) => ({
    name,
    data: rows.map((row) => cell(row[name as keyof ExportRow], type)),
  }));
  // Random to a compressor, and of no use in statistics.
  const vector = {
    name: 'vector',
    data: photos.map((photo) => Array.from(photo.vector)),
    codec: 'UNCOMPRESSED' as const,
    encoding: 'PLAIN' as const,
    statistics: false,
  };
  return [...columns, vector];
}

function cell(value: string | number | null, type: Type): string | number | bigint | Date | null {
  if (value === null) return null;
  if (type === 'long') return BigInt(value);
  return type === 'time' ? new Date(value) : value;
}
