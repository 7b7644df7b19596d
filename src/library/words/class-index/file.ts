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

/** What an index was made of. */
export type Origin = Pick<z.infer<typeof headerSchema>, 'classifier' | 'mark'>;

/** What the file of an index was made of; null where there is none that can be read. */
export async function readOrigin(file: string): Promise<Origin | null> {
  const handle = await open(file).catch(() => null);
  try {
    const { buffer, bytesRead } = (await handle?.read(Buffer.alloc(HEADER_BYTES))) ?? {};
    return buffer === undefined ? null : parseHeader(buffer.subarray(0, bytesRead));
  } catch {
    return null;
  } finally {
    await handle?.close();
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
  if (byteLength !== HEADER_BYTES + 68 * photos + 4 * (classes + 1) + 8 * postings) return null;
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
  const header: z.infer<typeof headerSchema> = {
    version: 1,
    ...origin,
    photos: rest.length,
    classes: starts.length - 1,
    postings: photos.length,
  };
  const parts = [ids, contents, rest, starts, photos, shares].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  await writeWhole(file, Buffer.concat([Buffer.from(JSON.stringify(header).padEnd(HEADER_BYTES)), ...parts]), 0o600);
}

function parseHeader(bytes: Uint8Array): z.infer<typeof headerSchema> | null {
  try {
    return headerSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return null;
  }
}
