import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import sharp from 'sharp';

/** A small JPEG whose content depends on `seed` alone: coloured noise, so that no two are alike. */
export async function makePhoto(file: string, seed: number): Promise<void> {
  const side = 64;
  const pixels = Buffer.alloc(side * side * 3);
  // xorshift32 (Marsaglia 2003): the same photo on every machine.
  let state = (seed + 1) * 2_654_435_761;
  for (let i = 0; i < pixels.length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    pixels[i] = state & 255;
  }
  await mkdir(dirname(file), { recursive: true });
  const noise = sharp(pixels, { raw: { width: side, height: side, channels: 3 } });
  await writeFile(file, await noise.resize(320, 240, { kernel: 'cubic', fit: 'fill' }).jpeg().toBuffer());
}
