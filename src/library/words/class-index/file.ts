import { open, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeWhole } from '../../../files/atomic-write.ts';
import { ClassIndex, type Postings } from './class-index.ts';

/** What a file begins with: JSON, and spaces up to here. */
const HEADER_BYTES = 512;

const headerSchema = z.strictObject({
  version: z.literal(1),
  /** sha256 of what the shares were made with. */
  classifier: z.string(),
  /** The mark of the library's rows that are in it; null where some are missing. */
  mark: z.string().nullable(),
  photos: z.int().nonnegative(),
  classes: z.int().nonnegative(),
  postings: z.int().nonnegative(),
});

type Header = z.infer<typeof headerSchema>;

/** What an index was made of. */
export type Origin = Pick<Header, 'classifier' | 'mark'>;

/** What the file of an index was made of; null where there is none that is whole. */
export async function readOrigin(file: string): Promise<Origin | null> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return null;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER_BYTES));
    const header = parseHeader(buffer.subarray(0, bytesRead));
    return header !== null && (await handle.stat()).size === sizeOf(header) ? header : null;
  } catch {
    return null;
  } finally {
    await handle.close();
  }
}

/** Null where there is none that can be read, or it was made with another classifier. */
export async function readClassIndex(
  file: string,
  classifier: string,
): Promise<{ readonly index: ClassIndex; readonly mark: string | null } | null> {
  const bytes = await readFile(file).catch(() => null);
  const header = bytes && parseHeader(bytes.subarray(0, HEADER_BYTES));
  if (bytes === null || header === null || header.classifier !== classifier) return null;
  // Arrays of numbers begin at multiples of their size, which a pooled buffer need not.
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  let at = HEADER_BYTES;
  const next = (size: number): [ArrayBufferLike, number] => {
    at += size;
    return [buffer, byteOffset + at - size];
  };
  const { photos, classes, postings } = header;
  if (byteLength !== sizeOf(header)) return null;
  const parts: Postings = {
    ids: new Uint8Array(...next(32 * photos), 32 * photos),
    contents: new Uint8Array(...next(32 * photos), 32 * photos),
    rest: new Float32Array(...next(4 * photos), photos),
    starts: new Uint32Array(...next(4 * (classes + 1)), classes + 1),
    photos: new Uint32Array(...next(4 * postings), postings),
    shares: new Float32Array(...next(4 * postings), postings),
  };
  const { starts } = parts;
  const isRising = starts.every((start, index) => start <= (starts[index + 1] ?? postings));
  return isRising ? { index: new ClassIndex(parts), mark: header.mark } : null;
}

/** Whole or not at all. */
export async function writeClassIndex(file: string, { postings }: ClassIndex, origin: Origin): Promise<void> {
  const { ids, contents, rest, starts, photos, shares } = postings;
  const header: Header = {
    version: 1,
    ...origin,
    photos: rest.length,
    classes: starts.length - 1,
    postings: photos.length,
  };
  const parts = [ids, contents, rest, starts, photos, shares].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  await writeWhole(file, [Buffer.from(JSON.stringify(header).padEnd(HEADER_BYTES)), ...parts], 0o600);
}

function sizeOf({ photos, classes, postings }: Header): number {
  return HEADER_BYTES + 68 * photos + 4 * (classes + 1) + 8 * postings;
}

function parseHeader(bytes: Uint8Array): Header | null {
  try {
    return headerSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return null;
  }
}
