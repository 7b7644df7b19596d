/** Records of Canon's CIFF 1.0: what kind of value a tag has, and where it lies. */
const KIND = 0x3800;
const HEAPS = [0x2800, 0x3000];
const PLACE = 0xc000;
const IN_RECORD = 0x4000;
const TAG = 0x3fff;
const CAMERA = 0x080a;
const TIME = 0x180e;
/** More than any camera writes: a loop, or no CIFF. */
const DEEPEST = 4;
const MOST_RECORDS = 200;

/**
 * Camera and time of a CRW file as EXIF, which such files do not hold: a TIFF block for `readExif`, or none. CIFF keeps
 * the time as seconds since 1970 by the camera's own clock.
 */
export function ciffExif(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const found = new Map<number, Uint8Array>();
  const read = (start: number, end: number, depth: number): void => {
    if (depth > DEEPEST || start < 0 || end > bytes.length || end - start < 6) return;
    const directory = start + view.getUint32(end - 4, little);
    if (directory + 2 > end) return;
    const count = Math.min(view.getUint16(directory, little), MOST_RECORDS);
    for (let at = directory + 2, i = 0; i < count && at + 10 <= end; at += 10, i += 1) {
      const tag = view.getUint16(at, little);
      const inRecord = (tag & PLACE) === IN_RECORD;
      const from = inRecord ? at + 2 : start + view.getUint32(at + 6, little);
      const to = inRecord ? at + 10 : from + view.getUint32(at + 2, little);
      if (to > end) continue;
      if (!inRecord && HEAPS.includes(tag & KIND)) read(from, to, depth + 1);
      else if (!found.has(tag & TAG)) found.set(tag & TAG, bytes.subarray(from, to));
    }
  };
  if (bytes.length < 26) return [];
  read(view.getUint32(2, little), bytes.length, 0);
  const [make = '', model = ''] = Buffer.from(found.get(CAMERA) ?? [])
    .toString('latin1')
    .split('\0');
  const time = found.get(TIME);
  const seconds =
    time === undefined || time.length < 4 ? 0 : new DataView(time.buffer, time.byteOffset, 4).getUint32(0, little);
  return make === '' && seconds === 0 ? [] : [tiffBlock(make, model, clock(seconds))];
}

/** "2021:04:08 14:51:12", as EXIF writes it; empty where the camera's clock was not set. */
function clock(seconds: number): string {
  if (seconds === 0) return '';
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ').replaceAll('-', ':');
}

/** Make (271), Model (272) and DateTimeOriginal (36867), all in the first directory. */
function tiffBlock(make: string, model: string, time: string): Uint8Array {
  const all = [
    [271, make],
    [272, model],
    [36867, time],
  ] as const;
  const tags = all.filter(([, text]) => text !== '');
  // Four bytes and fewer would stand in the entry itself.
  const texts = tags.map(([, text]) => Buffer.from(`${text}\0\0\0\0`, 'latin1'));
  const head = Buffer.alloc(8 + 2 + 12 * tags.length + 4);
  head.write('MM\0*\0\0\0\x08', 'latin1');
  head.writeUInt16BE(tags.length, 8);
  let free = head.length;
  for (const [i, text] of texts.entries()) {
    const at = 10 + 12 * i;
    head.writeUInt16BE(tags[i]?.[0] ?? 0, at);
    head.writeUInt16BE(2, at + 2);
    head.writeUInt32BE(text.length, at + 4);
    head.writeUInt32BE(free, at + 8);
    free += text.length;
  }
  return Buffer.concat([head, ...texts]);
}
