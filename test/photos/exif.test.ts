import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { cameraName, readExif } from '../../src/photos/metadata/exif.ts';
import { parseClock, parseCreationTime, takenAt, UNDATED, xmpClock } from '../../src/photos/metadata/taken.ts';

const NOTHING = new Uint8Array();

async function exifOf(
  ifd0: Record<string, string>,
  ifd2: Record<string, string>,
  ifd3: Record<string, string> = {},
): Promise<Uint8Array> {
  const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .withExif({ IFD0: ifd0, IFD2: ifd2, IFD3: ifd3 })
    .jpeg()
    .toBuffer();
  const { exif } = await sharp(bytes).metadata();
  if (exif === undefined) throw new Error('no EXIF was written');
  return exif.subarray(6);
}

/** A JPEG of no more than what IPTC says of its making, as Photoshop keeps it (IIM 4.2, sets 2:55 and 2:60). */
function jpegWithIptc(sets: readonly (readonly [number: number, text: string])[]): Uint8Array {
  const iptc = Buffer.concat(sets.map(([n, text]) => Buffer.from([0x1c, 2, n, 0, text.length, ...Buffer.from(text)])));
  const block = Buffer.concat([Buffer.from('8BIM\x04\x04\0\0\0\0\0', 'latin1'), Buffer.from([iptc.length]), iptc]);
  const segment = Buffer.concat([Buffer.from('Photoshop 3.0\0'), block]);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8, 0xff, 0xed, 0, segment.length + 2]),
    segment,
    Buffer.from([0xff, 0xd9]),
  ]);
}

describe('EXIF', () => {
  test('gives the moment of taking, with its fraction and offset, and the camera', async () => {
    const source = await exifOf(
      { Make: 'Canon', Model: 'Canon EOS R5' },
      { DateTimeOriginal: '2024:07:01 12:00:00', SubSecTimeOriginal: '25', OffsetTimeOriginal: '+02:00' },
    );
    expect(await readExif([source], NOTHING)).toEqual({
      takenMs: Date.parse('2024-07-01T12:00:00.250Z'),
      takenOffsetMinutes: 120,
      takenFrom: 'original',
      camera: 'Canon EOS R5',
    });
  });

  test('without the moment of taking gives that of digitising', async () => {
    const source = await exifOf({ Model: 'Perfection V600' }, { DateTimeDigitized: '2019:02:03 04:05:06' });
    expect(await readExif([source], NOTHING)).toEqual({
      takenMs: Date.parse('2019-02-03T04:05:06Z'),
      takenOffsetMinutes: null,
      takenFrom: 'digitized',
      camera: 'Perfection V600',
    });
  });

  test('dates a photo by what is there, the most trusted first', async () => {
    const xmp = Buffer.from('..<x:xmpmeta><rdf:Description xmp:CreateDate="2020-01-05T10:00:00-03:30"/></x:xmpmeta>..');
    const gps = { GPSDateStamp: '2020:01:04', GPSTimeStamp: '9/1 8/1 30/2' };
    const all = { ifd0: { DateTime: '2020:01:03 10:00:00' }, ifd2: { DateTimeDigitized: '2020:01:02 10:00:00' } };
    const original = { ...all.ifd2, DateTimeOriginal: '2020:01:01 10:00:00' };
    const dated = async (exif: Uint8Array, file: Uint8Array = xmp) => {
      const taken = await readExif([exif], file);
      return [taken.takenFrom, takenAt(taken)];
    };
    expect(await dated(await exifOf(all.ifd0, original, gps))).toEqual(['original', '2020-01-01T10:00:00']);
    expect(await dated(await exifOf(all.ifd0, all.ifd2, gps))).toEqual(['digitized', '2020-01-02T10:00:00']);
    expect(await dated(await exifOf(all.ifd0, {}, gps))).toEqual(['xmp', '2020-01-05T10:00:00-03:30']);
    expect(await dated(await exifOf(all.ifd0, {}, gps), NOTHING)).toEqual(['modified', '2020-01-03T10:00:00']);
    expect(await dated(await exifOf({}, {}, gps), NOTHING)).toEqual(['gps', '2020-01-04T09:08:15+00:00']);
    expect(await dated(await exifOf({ Make: 'x' }, {}))).toEqual(['xmp', '2020-01-05T10:00:00-03:30']);
    expect(await dated(await exifOf({ Make: 'x' }, {}), NOTHING)).toEqual([null, null]);
  });

  test("is followed by IPTC's day and time of the making, before that of the last change", async () => {
    const file = jpegWithIptc([
      [55, '20030506'],
      [60, '070809+0200'],
    ]);
    const xmp = Buffer.from('<x:xmpmeta><rdf:Description xmp:CreateDate="2020-01-05T10:00"/></x:xmpmeta>');
    const changed = await exifOf({ DateTime: '2024:01:01 00:00:00' }, {});
    const dated = async (exif: Uint8Array, bytes: Uint8Array) => {
      const taken = await readExif([exif], bytes);
      return [taken.takenFrom, takenAt(taken)];
    };
    expect(await dated(changed, file)).toEqual(['iptc', '2003-05-06T07:08:09+02:00']);
    expect(await dated(changed, Buffer.concat([file, xmp]))).toEqual(['xmp', '2020-01-05T10:00:00']);
    const original = await exifOf({}, { DateTimeOriginal: '2019:01:01 00:00:00' });
    expect(await dated(original, file)).toEqual(['original', '2019-01-01T00:00:00']);
    for (const time of ['', '079900', 'noon']) {
      const bytes = jpegWithIptc([
        [55, '20030506'],
        [60, time],
      ]);
      expect(await dated(NOTHING, bytes)).toEqual(['iptc', '2003-05-06T00:00:00']);
    }
    // Of a year alone nothing is made up.
    expect(await dated(changed, jpegWithIptc([[55, '20030000']]))).toEqual(['modified', '2024-01-01T00:00:00']);
    expect(await dated(NOTHING, jpegWithIptc([[60, '070809']]))).toEqual([null, null]);
  });

  test('of a second source is believed before what is less trusted in the first', async () => {
    const changed = await exifOf({ DateTime: '2024:01:01 00:00:00' }, {});
    const taken = await exifOf({}, { DateTimeOriginal: '2019:01:01 00:00:00' });
    expect(takenAt(await readExif([changed, taken], NOTHING))).toBe('2019-01-01T00:00:00');
    expect(await readExif([], NOTHING)).toEqual({ ...UNDATED, camera: null });
  });

  test('of any bytes whatever is read without an error, and quickly', async () => {
    const real = await exifOf({ Make: 'Apple' }, { DateTimeOriginal: '2024:07:01 12:00:00' });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.nat({ max: real.length - 1 }), fc.nat(255), async (bytes, at, byte) => {
        const damaged = Uint8Array.from(real);
        damaged[at] = byte;
        for (const source of [bytes, damaged]) {
          const { takenMs, camera } = await readExif([source], source);
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
        const clock = { takenMs: date.getTime(), takenOffsetMinutes: minutes };
        const [day = '', time = ''] = date.toISOString().split(/[TZ.]/);
        const iso = takenAt(clock) ?? '';
        const fraction = String(date.getUTCMilliseconds()).padStart(3, '0');
        expect(parseClock(`${day.replaceAll('-', ':')} ${time}`, fraction, iso.slice(19))).toEqual(clock);
        expect(parseClock(iso)).toEqual({ ...clock, takenMs: Math.floor(clock.takenMs / 1000) * 1000 });
        // The moment is the same, whoever reads it.
        expect(Date.parse(iso)).toBe(Math.floor(clock.takenMs / 1000) * 1000 - minutes * 60_000);
      }),
    );
  });

  test('is read from XMP, as attribute and as element, the most trusted first', () => {
    const element = '<photoshop:DateCreated>2024-05-05T08:01</photoshop:DateCreated>';
    const attribute = `<rdf:Description xmp:CreateDate='2025-01-01T00:00:00Z'`;
    expect(takenAt(xmpClock(`${attribute}>${element}`) ?? UNDATED)).toBe('2024-05-05T08:01:00');
    expect(takenAt(xmpClock(attribute) ?? UNDATED)).toBe('2025-01-01T00:00:00+00:00');
    expect(takenAt(xmpClock('<exif:DateTimeOriginal>2024-05-05</exif:DateTimeOriginal>') ?? UNDATED)).toBe(
      '2024-05-05T00:00:00',
    );
    expect(xmpClock('<exif:DateTimeOriginal>2024-05</exif:DateTimeOriginal>')).toBeNull();
  });

  test("is read from a PNG's text, however its writer spells it", () => {
    for (const text of ['Sun, 5 May 2024 08:01:00 +0900', '2024-05-05T08:01:00+09:00', '05 May 2024 08:01 +0900']) {
      expect(takenAt(parseCreationTime(text) ?? UNDATED)).toBe('2024-05-05T08:01:00+09:00');
    }
    expect(takenAt(parseCreationTime('2024:05:05 08:01:00') ?? UNDATED)).toBe('2024-05-05T08:01:00');
    expect(parseCreationTime('yesterday')).toBeNull();
  });

  test('is null where the camera wrote none', () => {
    for (const text of [
      '',
      '0000:00:00 00:00:00',
      '    :  :     :  :  ',
      '2024:02:30 10:00:00',
      '2024:01:01 25:00:00',
    ]) {
      expect(parseClock(text)).toBeNull();
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
