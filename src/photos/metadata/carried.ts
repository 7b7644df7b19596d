import { xmpPacket } from './xmp.ts';

/** What people would miss if a photo were replaced by its double. */
export interface Carried {
  readonly gps: boolean;
  /** Stars from 1 to 5, -1 for rejected; null when unrated. */
  readonly rating: number | null;
  /** How many. */
  readonly keywords: number;
  /** Whether somebody wrote down what it shows; what cameras write of themselves is none. */
  readonly caption: boolean;
}

export const NOTHING_CARRIED: Carried = { gps: false, rating: null, keywords: 0, caption: false };

/** Reads it from a photo of any format that EXIF or XMP stands in; nonsense counts as absent. */
export async function readCarried(file: Uint8Array): Promise<Carried> {
  // Its functions are properties of the default export: Node finds no names in its bundle.
  const { default: exifReader } = await import('exifreader');
  const packet = xmpPacket(file);
  const xmp = packet === null ? NOTHING_CARRIED : carriedInXmp(packet);
  try {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    const tags = exifReader.loadView(view, {
      includeTags: { exif: ['GPSLatitude', 'GPSLongitude', 'Rating'], iptc: ['Keywords', 'Caption/Abstract'] },
    });
    const keywords: unknown = tags.Keywords;
    return joined(xmp, {
      gps: isPlace(tags.GPSLatitude?.description, tags.GPSLongitude?.description),
      rating: stars(tags.Rating?.value),
      keywords: Array.isArray(keywords) ? keywords.length : keywords === undefined ? 0 : 1,
      caption: (tags['Caption/Abstract']?.description ?? '').trim() !== '',
    });
  } catch {
    // No metadata of its formats, or damaged.
    return xmp;
  }
}

/** What an XMP packet, or a sidecar of one, says. */
export function carriedInXmp(xmp: string): Carried {
  const value = (name: string): string | null => {
    const [, attribute, element] = new RegExp(`\\b${name}(?:\\s*=\\s*["']([^"'<]*)|>([^<]*)<)`).exec(xmp) ?? [];
    return attribute ?? element ?? null;
  };
  const isRejected = value('xmpDM:pick') === '-1' || value('digiKam:PickLabel') === '1';
  const description =
    /<dc:description\b[^>]*>([\s\S]*?)<\/dc:description>/.exec(xmp)?.[1] ?? value('dc:description') ?? '';
  const subject = /<dc:subject\b[^>]*>([\s\S]*?)<\/dc:subject>/.exec(xmp)?.[1] ?? '';
  return {
    gps: value('exif:GPSLatitude') !== null && value('exif:GPSLongitude') !== null,
    rating: isRejected ? -1 : stars(Number(value('xmp:Rating') ?? Number.NaN)),
    keywords: subject.match(/<rdf:li\b/g)?.length ?? 0,
    caption: description.replace(/<[^>]*>/g, '').trim() !== '',
  };
}

/** What a photo and its sidecars say together; of two ratings the first. */
export function joined(a: Carried, b: Carried): Carried {
  return {
    gps: a.gps || b.gps,
    rating: a.rating ?? b.rating,
    keywords: Math.max(a.keywords, b.keywords),
    caption: a.caption || b.caption,
  };
}

/** Cameras without a signal, and some exports, write the place 0, 0. */
function isPlace(latitude: unknown, longitude: unknown): boolean {
  const numbers = [latitude, longitude].map((text) => Number(text ?? Number.NaN));
  return numbers.every(Number.isFinite) && numbers.some((degrees) => degrees !== 0);
}

function stars(value: unknown): number | null {
  const rating = Array.isArray(value) ? Number(value[0]) : Number(value);
  return Number.isInteger(rating) && rating !== 0 && rating >= -1 && rating <= 5 ? rating : null;
}
