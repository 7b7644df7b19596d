const STARTS = ['<x:xmpmeta', '<rdf:RDF'];
const ENDS = ['</x:xmpmeta>', '</rdf:RDF>'];
/** A packet in a file is seldom more than some kilobytes; only its end is not where it should be when it is damaged. */
const MAX_BYTES = 1 << 20;

/**
 * The first XMP packet in a file, found by its own beginning as XMP's specification (part 3, 1.1.2) provides for
 * formats that one does not know: packets stand in plain text in a JPEG, WebP, GIF, TIFF, HEIC, AVIF or RAW file.
 */
export function xmpPacket(bytes: Uint8Array): string | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [i, start] of STARTS.entries()) {
    const from = file.indexOf(start, 0, 'latin1');
    if (from === -1) continue;
    const text = file.subarray(from, from + MAX_BYTES).toString('utf8');
    const end = text.indexOf(ENDS[i] ?? '');
    if (end !== -1) return text.slice(0, end);
  }
  return null;
}
