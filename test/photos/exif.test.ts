import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { cameraName, parseTaken, readExif } from '../../src/photos/exif.ts';

async function exifOf(ifd0: Record<string, string>, ifd2: Record<string, string>): Promise<Uint8Array> {
  const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .withExif({ IFD0: ifd0, IFD2: ifd2 })
    .jpeg()
    .toBuffer();
  const { exif } = await sharp(bytes).metadata();
  if (exif === undefined) throw new Error('no EXIF was written');
  return exif.subarray(6);
}

describe('EXIF', () => {
  test('gives the moment of taking, with its fraction and offset, and the camera', async () => {
    const source = await exifOf(
      { Make: 'Canon', Model: 'Canon EOS R5' },
      { DateTimeOriginal: '2024:07:01 12:00:00', SubSecTimeOriginal: '25', OffsetTimeOriginal: '+02:00' },
    );
    expect(await readExif([source])).toEqual({
      takenMs: Date.parse('2024-07-01T10:00:00.250Z'),
      camera: 'Canon EOS R5',
    });
  });

  test('without the moment of taking gives that of digitising', async () => {
    const source = await exifOf({ Model: 'Perfection V600' }, { DateTimeDigitized: '2019:02:03 04:05:06' });
    expect(await readExif([source])).toEqual({
      takenMs: Date.parse('2019-02-03T04:05:06Z'),
      camera: 'Perfection V600',
    });
  });

  test('of any bytes whatever is read without an error, and quickly', async () => {
    const real = await exifOf({ Make: 'Apple' }, { DateTimeOriginal: '2024:07:01 12:00:00' });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.nat({ max: real.length - 1 }), fc.nat(255), async (bytes, at, byte) => {
        const damaged = Uint8Array.from(real);
        damaged[at] = byte;
        for (const source of [bytes, damaged]) {
          const { takenMs, camera } = await readExif([source]);
          expect(takenMs === null || Number.isFinite(takenMs)).toBe(true);
          expect(camera?.length ?? 0).toBeLessThanOrEqual(100);
        }
      }),
    );
  });
});

describe('a time of taking', () => {
  test('reads back every moment, at every offset', () => {
    const moment = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(moment, fc.integer({ min: -14 * 60, max: 14 * 60 }), (date, minutes) => {
        const [day, clock] = new Date(date.getTime() + minutes * 60_000).toISOString().split(/[TZ.]/) as [
          string,
          string,
        ];
        const away = Math.abs(minutes);
        const two = (n: number): string => String(n).padStart(2, '0');
        const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(away / 60))}:${two(away % 60)}`;
        const fraction = String(date.getUTCMilliseconds()).padStart(3, '0');
        expect(parseTaken(`${day.replaceAll('-', ':')} ${clock}`, fraction, offset)).toBe(date.getTime());
      }),
    );
  });

  test('is null where the camera wrote none', () => {
    for (const text of [
      '',
      '0000:00:00 00:00:00',
      '    :  :     :  :  ',
      '2024:02:30 10:00:00',
      '2024:01:01 25:00:00',
    ]) {
      expect(parseTaken(text, '', '')).toBeNull();
    }
  });
});

test('a camera is named once, without the form of its company', () => {
  expect(cameraName('Apple', 'iPhone 15')).toBe('Apple iPhone 15');
  expect(cameraName('NIKON CORPORATION', 'NIKON D750')).toBe('NIKON D750');
  expect(cameraName('OLYMPUS IMAGING CORP.', 'E-M5')).toBe('OLYMPUS E-M5');
  expect(cameraName('SAMSUNG TECHWIN CO., LTD.', 'NX10')).toBe('SAMSUNG TECHWIN NX10');
  expect(cameraName('', 'DSC-RX100')).toBe('DSC-RX100');
  expect(cameraName('Google', '')).toBe('Google');
  expect(cameraName('', '')).toBeNull();
});
