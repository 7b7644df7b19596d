/** Brands of files whose pictures are coded with HEVC (ISO/IEC 23008-12, annex B). */
const HEVC_BRANDS = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']);
/** Brands that promise a picture in a HEIF container and leave its coding open. */
const OPEN_BRANDS = new Set(['mif1', 'mif2', 'msf1', 'miaf', 'heif']);
const AVIF_BRANDS = ['avif', 'avis'];

/** The brands in an ISO base media file's `ftyp` box, the major one first; null when the file does not start with one. */
export function fileBrands(bytes: Uint8Array): readonly string[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 16 || fourCharacters(view, 4) !== 'ftyp') return null;
  const end = Math.min(view.getUint32(0), bytes.length);
  if (end < 16) return null;
  const brands = [fourCharacters(view, 8)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(fourCharacters(view, at));
  return brands;
}

/**
 * Whether a file is HEIC or another HEIF than AVIF: what `decodeHeic` is for. Samsung, Canon and converters write the
 * major brand `mif1`, which AVIF files carry as well: then the compatible brands decide.
 */
export function isHeic(bytes: Uint8Array): boolean {
  const brands = fileBrands(bytes);
  const major = brands?.[0];
  if (brands === null || major === undefined) return false;
  if (HEVC_BRANDS.has(major)) return true;
  if (!OPEN_BRANDS.has(major)) return false;
  return brands.some((brand) => HEVC_BRANDS.has(brand)) || !AVIF_BRANDS.some((brand) => brands.includes(brand));
}

/** The names of an ISO base media file's top-level boxes, and where by its size the last ends (ISO/IEC 14496-12, 4.2). */
export function topLevelBoxes(bytes: Uint8Array): { readonly names: readonly string[]; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names: string[] = [];
  let at = 0;
  while (at + 8 <= view.byteLength) {
    names.push(fourCharacters(view, at + 4));
    const size = view.getUint32(at);
    if (size === 0) return { names, end: view.byteLength };
    const has64Bits = size === 1 && at + 16 <= view.byteLength;
    at += Math.max(has64Bits ? Number(view.getBigUint64(at + 8)) : size, 8);
  }
  return { names, end: at };
}

/** The four-character code at `at`. */
function fourCharacters(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}
