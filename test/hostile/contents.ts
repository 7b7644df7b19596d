import sharp, { type Sharp } from 'sharp';
import {
  flat,
  garbage,
  gifBomb,
  heicGarbage,
  jpegClaiming,
  picture,
  png,
  tiff,
  tiffLoop,
  webpBomb,
  withExifLoop,
} from './bytes.ts';
import type { Expectation, HostileFile } from './expectation.ts';

/** Files whose bytes are hostile, or only unusual. */
export async function contents(): Promise<HostileFile[]> {
  const jpeg = await picture(320, 240).jpeg().toBuffer();
  const plain = await picture(320, 240).png().toBuffer();
  const rgb = picture(200, 120);
  const file = (path: string, bytes: Buffer | string, expected: Expectation): HostileFile => ({
    path,
    bytes,
    expected,
  });
  const holed = Buffer.from(jpeg);
  garbage(400, 7).copy(holed, Math.floor(jpeg.length / 2));
  const frames = await Promise.all(
    [1, 2, 3].map((n) =>
      picture(60 + 20 * n, 60)
        .resize(100, 80)
        .png()
        .toBuffer(),
    ),
  );
  const animation = (): Sharp => sharp(frames, { join: { animated: true } });
  const turned = (orientation: number) => picture(300, 200).withMetadata({ orientation }).jpeg().toBuffer();
  const cmyk = await sharp(await rgb.png().toBuffer())
    .toColourspace('cmyk')
    .jpeg()
    .toBuffer();
  const adobe = await rgb.clone().withIccProfile('p3').jpeg().toBuffer();
  // Each row of a PNG begins with the number of its filter.
  const unfiltered = Buffer.from(garbage(64 * 9).map((byte, i) => (i % 9 === 0 ? 0 : byte)));
  const floats = Buffer.from(Float32Array.from({ length: 40 * 30 * 3 }, (_, i) => (i % 120) / 120).buffer);
  const wide = await flat(30_000, 2).png().toBuffer();
  return [
    file('good.jpg', jpeg, { indexed: [320, 240] }),
    // Damage.
    file('broken/truncated.jpg', jpeg.subarray(0, jpeg.length >> 1), { failed: 'corrupt' }),
    file('broken/header only.jpg', jpeg.subarray(0, 20), { failed: 'corrupt' }),
    file('broken/three bytes.jpg', jpeg.subarray(0, 3), { failed: 'corrupt' }),
    file('broken/truncated.png', plain.subarray(0, plain.length >> 1), { failed: 'corrupt' }),
    file('broken/truncated.webp', (await picture(320, 240).webp().toBuffer()).subarray(0, 400), { failed: 'corrupt' }),
    file('broken/truncated.gif', (await picture(320, 240).gif().toBuffer()).subarray(0, 1500), { failed: 'corrupt' }),
    file('broken/truncated.tif', (await picture(320, 240).tiff().toBuffer()).subarray(0, 900), { failed: 'corrupt' }),
    file('broken/truncated.avif', (await picture(320, 240).avif().toBuffer()).subarray(0, 500), { failed: 'corrupt' }),
    file('broken/hole.jpg', holed, { failed: 'corrupt' }),
    file('broken/empty.jpg', '', { failed: 'empty' }),
    file('broken/zeros.jpg', Buffer.alloc(5000), { failed: 'not_an_image' }),
    file('broken/garbage.jpg', garbage(5000), { failed: 'not_an_image' }),
    file('broken/garbage behind a head.png', Buffer.concat([plain.subarray(0, 8), garbage(3000)]), {
      failed: 'corrupt',
    }),
    file('broken/unknown filters.png', png({ width: 64, height: 64, bits: 1 }, garbage(64 * 9)), { failed: 'corrupt' }),
    file('broken/loop.tif', tiffLoop(), { failed: 'corrupt' }),
    file('broken/heic garbage.heic', heicGarbage(), { failed: 'corrupt' }),
    // False names.
    file('false/text.jpg', 'Dear diary, today I renamed a text.\n', { failed: 'not_an_image' }),
    file('false/drawing.jpg', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', {
      failed: 'not_an_image',
    }),
    file(
      'false/drawing that reads a file.jpg',
      '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "/etc/passwd">]><svg>&x;</svg>',
      {
        failed: 'not_an_image',
      },
    ),
    file('false/document.jpg', '%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n', { failed: 'not_an_image' }),
    file('false/program.jpg', Buffer.concat([Buffer.from('\x7fELF', 'latin1'), garbage(500)]), {
      failed: 'not_an_image',
    }),
    file('false/script.png', '#!/bin/sh\nrm -rf "$HOME"\n', { failed: 'not_an_image' }),
    file('false/jpeg.png', await picture(321, 240).jpeg().toBuffer(), { indexed: [321, 240] }),
    file('false/png.JPG', await picture(322, 240).png().toBuffer(), { indexed: [322, 240] }),
    file('false/no ending', await picture(323, 240).jpeg().toBuffer(), { indexed: [323, 240] }),
    file('false/text', 'nothing to see\n', 'passed'),
    file('false/film.mov', '\0\0\0\x14ftypqt  \0\0\0\0', 'passed'),
    // Bombs: claims without pixels, and pixels that are really there.
    file('bomb/claims.png', png({ width: 60_000, height: 60_000 }, Buffer.alloc(9)), { failed: 'too_large' }),
    file('bomb/claims the most.png', png({ width: 2 ** 31 - 1, height: 2 ** 31 - 1 }, Buffer.alloc(9)), {
      failed: 'corrupt',
    }),
    file('bomb/claims.webp', webpBomb(), { failed: 'too_large' }),
    file('bomb/claims.gif', gifBomb(), { failed: 'too_large' }),
    file('bomb/claims.jpg', jpegClaiming(jpeg, 65_500, 65_500), { failed: 'too_large' }),
    file('bomb/claims a little.jpg', jpegClaiming(jpeg, 15_000, 15_000), { failed: 'corrupt' }),
    file('bomb/real.png', png({ width: 30_000, height: 30_000, bits: 1 }, Buffer.alloc(30_000 * 3751)), {
      failed: 'too_large',
    }),
    file('bomb/real but bearable.png', png({ width: 12_000, height: 12_000, bits: 1 }, Buffer.alloc(12_000 * 1501)), {
      indexed: [12_000, 12_000],
    }),
    // Shapes.
    file('shape/1x1.png', await flat(1, 1).png().toBuffer(), { indexed: [1, 1] }),
    file('shape/1x1.jpg', await flat(1, 1).jpeg().toBuffer(), { indexed: [1, 1] }),
    file('shape/1x5000.png', await flat(1, 5000).png().toBuffer(), { indexed: [1, 5000] }),
    file('shape/2x3.gif', await flat(2, 3).gif().toBuffer(), { indexed: [2, 3] }),
    file('shape/30000x2.png', wide, { indexed: [30_000, 2] }),
    file('shape/2x30000.jpg', await flat(2, 30_000).jpeg().toBuffer(), { indexed: [2, 30_000] }),
    file('shape/30000x40.jpg', await flat(30_000, 40).jpeg().toBuffer(), { indexed: [30_000, 40] }),
    file('shape/on its side.jpg', await turned(6), { indexed: [200, 300] }),
    file('shape/upside down.jpg', await turned(3), { indexed: [300, 200] }),
    // Colours and codings.
    file('kind/cmyk.jpg', cmyk, { indexed: [200, 120] }),
    file('kind/profile.jpg', adobe, { indexed: [200, 120] }),
    file('kind/grey.jpg', await rgb.clone().greyscale().jpeg().toBuffer(), { indexed: [200, 120] }),
    file('kind/grey with alpha.png', await rgb.clone().greyscale().ensureAlpha(0.5).png().toBuffer(), {
      indexed: [200, 120],
    }),
    file('kind/16 bit.png', await rgb.clone().toColourspace('rgb16').png().toBuffer(), { indexed: [200, 120] }),
    file('kind/16 bit.tif', await rgb.clone().toColourspace('rgb16').tiff().toBuffer(), { indexed: [200, 120] }),
    file('kind/float.tif', tiff(40, 30, { photometric: 2, channels: 3, bits: 32, format: 3 }, floats), {
      indexed: [40, 30],
    }),
    file('kind/float heights.tif', tiff(40, 90, { photometric: 1, channels: 1, bits: 32, format: 3 }, floats), {
      failed: 'unsupported',
    }),
    file('kind/32 bit counts.tif', tiff(40, 90, { photometric: 1, channels: 1, bits: 32, format: 1 }, floats), {
      failed: 'unsupported',
    }),
    file('kind/lab.tif', tiff(40, 120, { photometric: 8, channels: 3, bits: 8, format: 1 }, floats), {
      failed: 'unsupported',
    }),
    file('kind/1 bit.png', png({ width: 64, height: 64, bits: 1 }, unfiltered), { indexed: [64, 64] }),
    file('kind/palette.png', await rgb.clone().png({ palette: true }).toBuffer(), { indexed: [200, 120] }),
    file('kind/interlaced.png', await rgb.clone().png({ progressive: true }).toBuffer(), { indexed: [200, 120] }),
    file('kind/progressive.jpg', await rgb.clone().jpeg({ progressive: true }).toBuffer(), { indexed: [200, 120] }),
    file('kind/transparent.webp', await rgb.clone().ensureAlpha(0).webp().toBuffer(), { indexed: [200, 120] }),
    file('kind/still.avif', await rgb.clone().avif().toBuffer(), { indexed: [200, 120] }),
    file('kind/animated.gif', await animation().gif({ delay: 90 }).toBuffer(), { indexed: [100, 80] }),
    file('kind/animated.webp', await animation().webp({ delay: 90 }).toBuffer(), { indexed: [100, 80] }),
    file('kind/padded.jpg', Buffer.concat([await picture(201, 120).jpeg().toBuffer(), garbage(3000)]), {
      indexed: [201, 120],
    }),
    file('kind/exif loop.jpg', withExifLoop(await picture(202, 120).jpeg().toBuffer()), { indexed: [202, 120] }),
  ];
}
