import type { loadView as LoadView, Tags } from 'exifreader';

export interface Exif {
  /**
   * Time of taking, milliseconds since 1970. Where the camera did not record its offset from UTC, its clock is read
   * as if it showed UTC: so the order within one camera is right, and the same wherever the photo is indexed.
   */
  readonly takenMs: number | null;
  /** "Apple iPhone 15", "Canon EOS R5". */
  readonly camera: string | null;
}

const TAGS = [
  'Make',
  'Model',
  'DateTimeOriginal',
  'SubSecTimeOriginal',
  'OffsetTimeOriginal',
  'DateTimeDigitized',
  'SubSecTimeDigitized',
  'OffsetTimeDigitized',
];
const MAX_CAMERA_LENGTH = 100;

/**
 * Reads what curate keeps of EXIF. A source is its TIFF block or a whole TIFF, JPEG or HEIC file; what the first does
 * not say, the next may. Nonsense counts as absent.
 */
export async function readExif(sources: readonly Uint8Array[]): Promise<Exif> {
  // Its functions are properties of the default export: Node finds no names in its bundle.
  const { default: exifReader } = await import('exifreader');
  const found = sources.map((source) => readSource(source, exifReader.loadView));
  return {
    takenMs: found.find(({ takenMs }) => takenMs !== null)?.takenMs ?? null,
    camera: found.find(({ camera }) => camera !== null)?.camera ?? null,
  };
}

function readSource(source: Uint8Array, loadView: typeof LoadView): Exif {
  let tags: Tags;
  try {
    tags = loadView(new DataView(source.buffer, source.byteOffset, source.byteLength), { includeTags: { exif: TAGS } });
  } catch {
    return { takenMs: null, camera: null };
  }
  const text = (name: string): string => clean(tags[name]?.description);
  const taken = (when: string): number | null =>
    parseTaken(text(`DateTime${when}`), text(`SubSecTime${when}`), text(`OffsetTime${when}`));
  return {
    takenMs: taken('Original') ?? taken('Digitized'),
    camera: cameraName(text('Make'), text('Model')),
  };
}

function clean(value: unknown): string {
  return typeof value === 'string' ? value.replace(/[\s\p{Cc}]+/gu, ' ').trim() : '';
}

/**
 * EXIF's "2024:07:01 12:00:00", fraction ("55" is 0.55 s) and offset ("+02:00") as milliseconds since 1970; null for
 * what is no time, such as the zeros of a camera whose clock was never set.
 */
export function parseTaken(dateTime: string, fraction: string, offset: string): number | null {
  const parts = /^(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)/.exec(dateTime)?.slice(1).map(Number);
  if (parts === undefined) return null;
  const [year, month, day, hour, minute, second] = parts as [number, number, number, number, number, number];
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // `Date.UTC` carries over: 31 February becomes March, the year 0 becomes 1900.
  const same = time.getUTCFullYear() === year && time.getUTCMonth() === month - 1 && time.getUTCDate() === day;
  if (!same || hour > 23 || minute > 59 || second > 59) return null;
  const milliseconds = /^\d+/.exec(fraction)?.[0].slice(0, 3).padEnd(3, '0') ?? '0';
  return time.getTime() + Number(milliseconds) - offsetMs(offset);
}

function offsetMs(offset: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
}

/** Maker and model without saying the maker twice and without the form of its company. */
export function cameraName(make: string, model: string): string | null {
  const maker = make.replace(/[\s,]+(corporation|corp|company|co|ltd|inc|imaging|optical|gmbh)\b.*$/i, '');
  const [first = ''] = maker.split(' ');
  const repeated = first !== '' && model.toLowerCase().startsWith(first.toLowerCase());
  const name = (repeated ? model : `${maker} ${model}`).trim();
  return name === '' ? null : name.slice(0, MAX_CAMERA_LENGTH);
}
