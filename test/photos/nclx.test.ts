import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeHeic } from '../../src/photos/heic/heic.ts';
import { colorants, profileOfNclx } from '../../src/photos/heic/nclx.ts';
import { profiledTiff } from '../../src/photos/profiled.ts';

/** A `colr` box's content. */
function nclx(primaries: number, transfer: number): { readonly name: string; readonly data: Buffer } {
  const data = Buffer.from('nclx\0\0\0\0\0\x06\x80', 'latin1');
  data.writeUInt16BE(primaries, 4);
  data.writeUInt16BE(transfer, 6);
  return { name: 'colr', data };
}

async function inSrgb(pixel: readonly [number, number, number], profile: Uint8Array | null): Promise<number[]> {
  const side = 16;
  const data = Uint8Array.from({ length: 3 * side * side }, (_, i) => pixel[i % 3] ?? 0);
  const tiff = profiledTiff({ data, width: side, height: side }, profile);
  return [...(await sharp(tiff).toColourspace('srgb').raw().toBuffer()).subarray(0, 3)];
}

describe('colours given by code points', () => {
  it('of P3 are the published colorants of Display P3', () => {
    const published = [
      [0.51512, 0.2412, -0.00105],
      [0.29198, 0.69225, 0.04189],
      [0.1571, 0.06657, 0.78407],
    ];
    const p3 = colorants([
      [0.68, 0.32],
      [0.265, 0.69],
      [0.15, 0.06],
    ]);
    for (const [i, colour] of p3.entries()) {
      for (const [j, value] of colour.entries()) expect(value).toBeCloseTo(published[i]?.[j] ?? Number.NaN, 3);
    }
  });

  it.each([[[200, 40, 60]], [[128, 128, 128]], [[20, 180, 90]]] as const)(
    'take %j to sRGB as the profile of Display P3 does',
    async (pixel) => {
      const p3 = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
        .withIccProfile('p3')
        .png()
        .toBuffer();
      const { icc } = await sharp(p3).metadata();
      const [ours, theirs] = await Promise.all([
        inSrgb(pixel, profileOfNclx([nclx(12, 13)])),
        inSrgb(pixel, icc ?? null),
      ]);
      for (const [i, value] of ours.entries()) expect(Math.abs(value - (theirs[i] ?? 0))).toBeLessThanOrEqual(2);
    },
  );

  it('that mean sRGB, are not known, or of a high dynamic range need no profile or have none', () => {
    for (const [primaries, transfer] of [
      [1, 13],
      [2, 2],
      [9, 16],
      [12, 18],
      [999, 13],
    ] as const) {
      expect(profileOfNclx([nclx(primaries, transfer)])).toBeNull();
    }
    expect(profileOfNclx([])).toBeNull();
    expect(profileOfNclx([{ name: 'colr', data: Buffer.from('nclx\0') }])).toBeNull();
  });

  it('of a whole file go with its pixels', async () => {
    const file = readFileSync(join(import.meta.dirname, '../data/heic-raw/transparent.heic'));
    const plain = await decodeHeic(file, 1e6);
    const patched = Buffer.from(file);
    for (let at = patched.indexOf('colrnclx'); at >= 0; at = patched.indexOf('colrnclx', at + 1)) {
      patched.writeUInt16BE(12, at + 8);
      patched.writeUInt16BE(13, at + 10);
    }
    expect(patched.equals(file)).toBe(false);
    const p3 = await decodeHeic(patched, 1e6);
    if (plain.kind === 'fault' || p3.kind === 'fault') throw new Error(JSON.stringify([plain, p3]));
    expect([plain.icc, p3.icc]).toEqual([null, profileOfNclx([nclx(12, 13)])]);
  });
});
