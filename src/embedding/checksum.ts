import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { writeWhole } from '../files/atomic-write.ts';
import { makeFolders } from '../files/folders.ts';

/** Lower-case hex of a file's content. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

const notesSchema = z.record(z.string(), z.object({ size: z.number(), mtimeMs: z.number(), sha256: z.string() }));

/**
 * The checksum of a large file, taken once and noted: hashing a model at every start would cost a tenth of a second.
 * A file of another size or time is hashed again.
 */
export async function notedSha256(file: string, cacheFolder: string): Promise<string> {
  const notesFile = join(cacheFolder, 'checksums.json');
  const notes = await readNotes(notesFile);
  const { size, mtimeMs } = await stat(file);
  const noted = notes[file];
  if (noted !== undefined && noted.size === size && noted.mtimeMs === mtimeMs) return noted.sha256;
  const sha256 = await sha256Of(file);
  // The note only saves time; a cache folder that cannot be written is no reason to fail.
  await writeNotes(notesFile, { ...notes, [file]: { size, mtimeMs, sha256 } }).catch(() => undefined);
  return sha256;
}

async function readNotes(file: string): Promise<z.infer<typeof notesSchema>> {
  try {
    return notesSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return {};
  }
}

async function writeNotes(file: string, notes: z.infer<typeof notesSchema>): Promise<void> {
  await makeFolders(dirname(file));
  await writeWhole(file, JSON.stringify(notes));
}
