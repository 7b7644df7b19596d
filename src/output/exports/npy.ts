import { Draft } from '../../files/atomic-write.ts';
import type { IndexedPhoto } from '../../library/exported.ts';
import type { ModelIdentity } from '../../store/port.ts';
import { NpyWriter } from '../npy.ts';

/** The file that says which row is which photo. */
export function besideNpy(file: string): string {
  return file.replace(/\.npy$/i, '.json');
}

/** float32 [photos, dim], and beside it, in the same order, the paths. */
export async function exportNpy(
  file: string,
  photos: AsyncIterable<IndexedPhoto>,
  { id, sha256, dim }: ModelIdentity,
): Promise<number> {
  const array = await NpyWriter.create(file, 0, dim);
  const about = await Draft.open(besideNpy(file)).catch((error) => array.abandon().then(() => Promise.reject(error)));
  let rows = 0;
  try {
    const model = JSON.stringify({ id, sha256, dim });
    await about.handle.writeFile(`{"schema":"curate.export/1","model":${model},"paths":[`);
    for await (const { file: path, vector } of photos) {
      await array.writeRow(rows, vector);
      await about.handle.writeFile(`${rows === 0 ? '' : ','}\n${JSON.stringify(path)}`);
      rows += 1;
    }
    await about.handle.writeFile('\n]}\n');
    await about.publish();
    await array.finish(rows);
    return rows;
  } catch (error) {
    await Promise.all([array.abandon(), about.abandon()]);
    throw error;
  }
}
