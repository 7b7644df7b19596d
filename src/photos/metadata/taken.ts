/**
 * What says when a photo was taken, the most trusted first. EXIF's time of the last change comes behind XMP's and IPTC's
 * of the making: the Metadata Working Group's guidelines (2.0, 5.4) take it for no time of taking at all.
 */
export type TakenFrom = 'original' | 'digitized' | 'xmp' | 'iptc' | 'modified' | 'gps' | 'text';

/** When a photo was taken, by the clock on the wall of the place: the one that people remember. */
export interface Taken {
  /** That clock read as if it showed UTC, milliseconds since 1970: a photo of 9 a.m. is one of 9 a.m. wherever it was. */
  readonly takenMs: number | null;
  /** How far that clock was ahead of UTC; null where nothing says so. */
  readonly takenOffsetMinutes: number | null;
  readonly takenFrom: TakenFrom | null;
}

export const UNDATED: Taken = { takenMs: null, takenOffsetMinutes: null, takenFrom: null };

type Clock = Pick<Taken, 'takenOffsetMinutes'> & { readonly takenMs: number };

/**
 * "2024:07:01 12:00:00" of EXIF, "2024-07-01T12:00:00.5+02:00" of XMP (ISO 8601; seconds and what is smaller may be
 * missing, and so may the clock), with EXIF's own tags for fraction ("55" is 0.55 s) and offset ("+02:00"). Null for
 * what is no time, such as the zeros of a camera whose clock was never set.
 */
export function parseClock(text: string, fraction = '', offset = ''): Clock | null {
  const match =
    /^(\d{4})[:-](\d\d)[:-](\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // `Date.UTC` carries over: 31 February becomes March, the year 0 becomes 1900.
  const same = time.getUTCFullYear() === year && time.getUTCMonth() === month - 1 && time.getUTCDate() === day;
  if (!same || hour > 23 || minute > 59 || second > 59) return null;
  const digits = match[7] ?? /^\d+/.exec(fraction)?.[0] ?? '';
  const milliseconds = Number(digits.slice(0, 3).padEnd(3, '0'));
  return { takenMs: time.getTime() + milliseconds, takenOffsetMinutes: offsetMinutes(match[8] ?? offset) };
}

/** Clocks on Earth are 12 hours behind UTC to 14 ahead. */
function offsetMinutes(offset: string): number | null {
  if (offset === 'Z') return 0;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(offset) ?? [];
  const ahead = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  // Also false for NaN.
  return Math.abs(ahead) <= 14 * 60 ? ahead + 0 : null;
}

/** EXIF's GPSDateStamp ("2024:05:05") and GPSTimeStamp ("6:1:30.5"), which are UTC whatever the place. */
export function parseGpsClock(date: string, time: string): Clock | null {
  const parts = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?$/.exec(time);
  if (parts === null) return null;
  const [hour, minute, second] = parts.slice(1, 4).map((part) => part.padStart(2, '0'));
  return parseClock(`${date} ${hour}:${minute}:${second}`, parts[4], '+00:00');
}

/** IPTC's DateCreated and TimeCreated as ISO 8601 has them; there may be no time. A month that is not known is 00. */
export function parseIptcClock(date: string, time: string): Clock | null {
  return parseClock(`${date} ${time}`) ?? parseClock(date);
}

/** Of an XMP packet, the most trusted first; as an attribute or as an element. */
const XMP_DATES = ['exif:DateTimeOriginal', 'photoshop:DateCreated', 'xmp:CreateDate', 'exif:DateTimeDigitized'];

export function xmpClock(packet: string): Clock | null {
  for (const name of XMP_DATES) {
    const [, attribute, element] = new RegExp(`\\b${name}(?:\\s*=\\s*["']([^"'<]*)|>([^<]*)<)`).exec(packet) ?? [];
    const clock = parseClock((attribute ?? element ?? '').trim());
    if (clock !== null) return clock;
  }
  return null;
}

/** PNG's "Creation Time": RFC 1123, as its specification suggests, or ISO 8601, or EXIF's way, as programs write it. */
export function parseCreationTime(text: string): Clock | null {
  const clock = parseClock(text);
  if (clock !== null) return clock;
  const parts =
    /^(?:[A-Za-z]{3},? )?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d:\d\d(?::\d\d)?)(?: ([+-]\d{4}|GMT|UT|UTC))?$/.exec(text);
  if (parts === null) return null;
  const [, day = '', monthName = '', year, time, zone] = parts;
  const month = 'JanFebMarAprMayJunJulAugSepOctNovDec'.indexOf(monthName) / 3 + 1;
  if (!Number.isInteger(month) || month < 1) return null;
  const offset = zone === undefined ? '' : /^[+-]/.test(zone) ? zone : 'Z';
  return parseClock(`${year}-${String(month).padStart(2, '0')}-${day.padStart(2, '0')}T${time}${offset}`);
}

/** ISO 8601 to the second: "2024-08-11T09:41:00+02:00", and without an offset where none is known; null stays null. */
export function takenAt({ takenMs, takenOffsetMinutes }: Pick<Taken, 'takenMs' | 'takenOffsetMinutes'>): string | null {
  if (takenMs === null) return null;
  const clock = new Date(takenMs).toISOString().slice(0, 19);
  if (takenOffsetMinutes === null) return clock;
  const away = Math.abs(takenOffsetMinutes);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${clock}${takenOffsetMinutes < 0 ? '-' : '+'}${two(Math.floor(away / 60))}:${two(away % 60)}`;
}
