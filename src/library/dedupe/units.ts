import { foldedName } from '../../files/transfer/plan.ts';
import { kindByName } from '../../photos/kinds.ts';
import { rawCompanions } from '../../photos/pairs.ts';
import { SIDECARS } from '../act/belongings.ts';

/** The film of a Live Photo. */
const FILM = new Set(['mov', 'mp4']);
/** What lies beside a photo under its name, with another ending. */
const BESIDE = new Set([...SIDECARS, ...FILM]);
/** As Google Takeout names what it knows of a photo: `a.jpg.supplemental-metadata.json`, cut off where that is too long. */
const TAKEOUT = 'supplemental-metadata';

export interface Companion {
  readonly name: string;
  readonly kind: 'raw' | 'film' | 'sidecar';
}

/**
 * The files that are one photo with a photo: its RAW, the film of a Live Photo, and sidecars (`a.xmp`, `a.jpg.xmp`,
 * `a.aae`, `a.jpg.json`). What could as well belong to another photo of the same name but for its ending belongs to none.
 * @param names Of all files in its folder
 */
export function companionsOf(photo: string, names: readonly string[]): Companion[] {
  const own = split(photo);
  const raws = rawCompanions(names);
  const rivals = names.some(
    (name) => name !== photo && kindByName(name) === 'photo' && !raws.has(name) && split(name).stem === own.stem,
  );
  return names.flatMap((name): Companion[] => {
    if (name === photo) return [];
    if (raws.get(name) === photo) return [{ name, kind: 'raw' }];
    if (isSidecarOf(photo, name)) return [{ name, kind: 'sidecar' }];
    const { stem, ending } = split(name);
    if (rivals || stem !== own.stem || !BESIDE.has(ending)) return [];
    return [{ name, kind: FILM.has(ending) ? 'film' : 'sidecar' }];
  });
}

/** Whether its name is the photo's whole name and more. */
function isSidecarOf(photo: string, name: string): boolean {
  const whole = foldedName(photo);
  const other = foldedName(name);
  if (!other.startsWith(`${whole}.`)) return false;
  const rest = other.slice(whole.length + 1);
  if (rest === 'json' || SIDECARS.includes(rest)) return true;
  return rest.endsWith('.json') && TAKEOUT.startsWith(rest.slice(0, -'.json'.length));
}

function split(name: string): { readonly stem: string; readonly ending: string } {
  const whole = foldedName(name);
  const dot = whole.lastIndexOf('.');
  return dot <= 0 ? { stem: whole, ending: '' } : { stem: whole.slice(0, dot), ending: whole.slice(dot + 1) };
}
