import type { loadView as LoadView } from 'exifreader';
import { readPng } from '../png.ts';
import { type PhotoFormat, sniff } from '../sniff.ts';
import {
  parseClock,
  parseCreationTime,
  parseGpsClock,
  parseIptcClock,
  type Taken,
  type TakenFrom,
  UNDATED,
  xmpClock,
} from './taken.ts';
import { xmpPacket } from './xmp.ts';

export interface Exif extends Taken {
  /** "Apple iPhone 15", "Canon EOS R5". */
  readonly camera: string | null;
}

const MAKE = ['Make', 'Model'];
/** EXIF 2.32, 4.6.5: what was photographed, what was digitised, and when the file was changed last. */
const CLOCKS = [
  { from: 'original', time: 'DateTimeOriginal', fraction: 'SubSecTimeOriginal', offset: 'OffsetTimeOriginal' },
  { from: 'digitized', time: 'DateTimeDigitized', fraction: 'SubSecTimeDigitized', offset: 'OffsetTimeDigitized' },
  { from: 'modified', time: 'DateTime', fraction: 'SubSecTime', offset: 'OffsetTime' },
] as const;
const IPTC = ['Date Created', 'Time Created'];
const GPS = ['GPSDateStamp', 'GPSTimeStamp'];
const TAGS = [...MAKE, ...CLOCKS.flatMap(({ time, fraction, offset }) => [time, fraction, offset]), ...GPS];
const MAX_CAMERA_LENGTH = 100;

type Clock = ReturnType<typeof parseClock>;
type Clocks = Partial<Record<TakenFrom, Clock>>;
interface Found {
  readonly clocks: Clocks;
  readonly camera: string | null;
}

/**
 * Reads what curate keeps of a photo's metadata. What the first source does not say, the next may; of times, the most
 * trusted that any has. Nonsense counts as absent.
 * @param sources EXIF: its TIFF block, or a whole TIFF, JPEG or HEIC file
 * @param file The whole file, for what it says elsewhere
 */
export async function readExif(sources: readonly Uint8Array[], file: Uint8Array): Promise<Exif> {
  // Its functions are properties of the default export: Node finds no names in its bundle.
  const { default: exifReader } = await import('exifreader');
  const found = sources.map((source) => readSource(source, exifReader.loadView));
  const clocks = found.map((one) => one.clocks);
  const taken =
    mostTrusted(clocks, ['original', 'digitized']) ??
    takenInXmp(file) ??
    takenInIptc(file, exifReader.loadView) ??
    mostTrusted(clocks, ['modified', 'gps']) ??
    takenInText(file) ??
    UNDATED;
  return {
    ...taken,
    camera: found.find(({ camera }) => camera !== null)?.camera ?? null,
  };
}

function mostTrusted(sources: readonly Clocks[], kinds: readonly TakenFrom[]): Taken | null {
  for (const from of kinds) {
    for (const clocks of sources) if (clocks[from]) return { ...clocks[from], takenFrom: from };
  }
  return null;
}

function takenInXmp(file: Uint8Array): Taken | null {
  const png = pngOf(file);
  const xmp = xmpClock((png === null ? xmpPacket(file) : png.xmp) ?? '');
  return xmp === null ? null : { ...xmp, takenFrom: 'xmp' };
}

function takenInIptc(file: Uint8Array, loadView: typeof LoadView): Taken | null {
  const format = formatOf(file);
  if (format !== 'jpeg' && format !== 'tiff') return null;
  const text = textsOf(file, loadView, { iptc: IPTC });
  const iptc = parseIptcClock(text('Date Created'), text('Time Created'));
  return iptc === null ? null : { ...iptc, takenFrom: 'iptc' };
}

function takenInText(file: Uint8Array): Taken | null {
  const text = parseCreationTime(pngOf(file)?.creationTime ?? '');
  return text === null ? null : { ...text, takenFrom: 'text' };
}

function pngOf(file: Uint8Array): ReturnType<typeof readPng> | null {
  return formatOf(file) === 'png' ? readPng(file) : null;
}

function formatOf(file: Uint8Array): PhotoFormat | null {
  const content = sniff(file);
  return content.kind === 'photo' ? content.format : null;
}

function readSource(source: Uint8Array, loadView: typeof LoadView): Found {
  const text = textsOf(source, loadView, { exif: TAGS });
  const clocks: Clocks = { gps: parseGpsClock(text('GPSDateStamp'), text('GPSTimeStamp')) };
  for (const { from, time, fraction, offset } of CLOCKS)
    clocks[from] = parseClock(text(time), text(fraction), text(offset));
  return { clocks, camera: cameraName(text('Make'), text('Model')) };
}

/** What tags say in words, by their names; nothing where they are not there, or damaged. */
function textsOf(
  source: Uint8Array,
  loadView: typeof LoadView,
  includeTags: { readonly exif?: string[]; readonly iptc?: string[] },
): (name: string) => string {
  try {
    const tags = loadView(new DataView(source.buffer, source.byteOffset, source.byteLength), { includeTags });
    return (name) => clean(tags[name]?.description);
  } catch {
    // No metadata of its formats, or damaged.
    return () => '';
  }
}

function clean(value: unknown): string {
  return typeof value === 'string' ? value.replace(/[\s\p{Cc}]+/gu, ' ').trim() : '';
}

/** Maker and model without saying the maker twice and without the form of its company. */
export function cameraName(make: string, model: string): string | null {
  const maker = make.replace(/[\s,]+(corporation|corp|company|co|ltd|inc|imaging|optical|gmbh)\b.*$/i, '');
  const [first = ''] = maker.split(' ');
  const repeated = first !== '' && model.toLowerCase().startsWith(first.toLowerCase());
  const name = (repeated ? model : `${maker} ${model}`).trim();
  return name === '' ? null : name.slice(0, MAX_CAMERA_LENGTH);
}
