interface Segment {
  /** Second byte of the marker: 0xe1 is APP1. */
  readonly marker: number;
  /** The segment's own identifier ("Exif", "ICC_PROFILE"), for APPn; else "". */
  readonly identifier: string;
  readonly bytes: number;
}

const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;

/**
 * The segments of a JPEG, in order (ITU-T T.81, annex B). Scans are stepped over, so that segments behind the first
 * one (progressive files) are seen, too, and so is everything after the end of the picture.
 * @throws Error when the bytes are no well-formed JPEG
 */
export function segmentsOf(jpeg: Uint8Array): Segment[] {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  if (jpeg.length < 4 || view.getUint16(0) !== 0xffd8) throw new Error('not a JPEG');
  const segments: Segment[] = [];
  let at = 2;
  while (at + 1 < jpeg.length) {
    if (jpeg[at] !== 0xff) throw new Error(`no marker at byte ${at}`);
    const marker = jpeg[at + 1] ?? 0;
    if (marker === END_OF_IMAGE) {
      if (at + 2 !== jpeg.length) throw new Error(`${jpeg.length - at - 2} bytes after the end of the picture`);
      return segments;
    }
    const length = at + 4 <= jpeg.length ? view.getUint16(at + 2) : 0;
    if (length < 2 || at + 2 + length > jpeg.length) throw new Error(`segment at byte ${at} is cut short`);
    segments.push({ marker, identifier: identifierOf(jpeg, marker, at + 4, at + 2 + length), bytes: length });
    at += 2 + length;
    if (marker === START_OF_SCAN) at = endOfScan(jpeg, at);
  }
  throw new Error('no end of image');
}

/** The segments that say something about the photo other than its pixels: EXIF, XMP, IPTC, ICC, comments, thumbnails. */
export function metadataOf(jpeg: Uint8Array): string[] {
  return segmentsOf(jpeg)
    .filter(({ marker, identifier, bytes }) => {
      const plainJfif = marker === 0xe0 && identifier === 'JFIF' && bytes === 16;
      return ((marker & 0xf0) === 0xe0 && !plainJfif) || marker === 0xfe;
    })
    .map(({ marker, identifier }) => (marker === 0xfe ? 'COM' : `APP${marker & 0x0f} ${identifier}`.trim()));
}

function identifierOf(jpeg: Uint8Array, marker: number, from: number, to: number): string {
  if ((marker & 0xf0) !== 0xe0) return '';
  const body = jpeg.subarray(from, to);
  const end = body.indexOf(0);
  return String.fromCharCode(...body.subarray(0, Math.min(end < 0 ? body.length : end, 40)));
}

/** Within a scan 0xff is followed by 0 (a plain 0xff) or a restart marker; anything else ends it. */
function endOfScan(jpeg: Uint8Array, from: number): number {
  for (let at = from; at + 1 < jpeg.length; at += 1) {
    const next = jpeg[at + 1] ?? 0;
    if (jpeg[at] === 0xff && next !== 0 && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return jpeg.length;
}
