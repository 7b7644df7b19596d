import { basename, dirname, extname, join } from 'node:path';
import { type Bundle, foldedName } from '../../files/transfer/plan.ts';
import { kindByName, RAW_ENDINGS } from '../../photos/kinds.ts';

/** What other programs keep beside a photo: XMP, Apple's edits, RawTherapee's, DxO's, a camera's thumbnail. */
export const SIDECARS: readonly string[] = ['xmp', 'aae', 'pp3', 'dop', 'thm'];

/**
 * Photos with what belongs to them: the RAW beside a JPEG or HEIC, and sidecars ("a.xmp", "a.jpg.xmp"). What another
 * photo that stays behind has as much of a claim to ("a.xmp" beside "a.jpg" and "a.png") stays with it.
 *
 * @param photos absolute
 * @param namesIn the names of all files in a folder
 */
export async function withBelongings(
  photos: readonly string[],
  namesIn: (folder: string) => Promise<readonly string[]>,
): Promise<Bundle[]> {
  const bundles = new Map<string, string[]>();
  for (const photo of new Set(photos)) {
    const key = join(dirname(photo), foldedName(stemOf(basename(photo))));
    bundles.set(key, [...(bundles.get(key) ?? []), photo]);
  }
  const listed = new Map<string, Promise<readonly string[]>>();
  const names = (folder: string): Promise<readonly string[]> => {
    const known = listed.get(folder) ?? namesIn(folder).catch(() => []);
    listed.set(folder, known);
    return known;
  };
  return Promise.all(
    [...bundles.values()].map(async (files) => {
      const folder = dirname(files[0] ?? '');
      const own = files.map((file) => basename(file));
      const more = belongings(own, await names(folder));
      return { stem: stemOf(own[0] ?? ''), files: [...own, ...more].map((name) => join(folder, name)) };
    }),
  );
}

/** @param photos names in one folder that have one stem */
function belongings(photos: readonly string[], names: readonly string[]): string[] {
  const stem = foldedName(stemOf(photos[0] ?? ''));
  const others = names.filter((name) => !photos.includes(name));
  const beside = others.filter((name) => foldedName(stemOf(name)) === stem && kindByName(name) === 'photo');
  const raws = beside.filter((name) => isRaw(name) !== photos.every(isRaw));
  const all = beside.length === raws.length;
  const members = all ? [...photos, ...raws] : [...photos];
  const claimed = new Set(members.flatMap((name) => SIDECARS.map((ending) => `${foldedName(name)}.${ending}`)));
  if (all) for (const ending of SIDECARS) claimed.add(`${stem}.${ending}`);
  return [...(all ? raws : []), ...others.filter((name) => claimed.has(foldedName(name)))];
}

function isRaw(name: string): boolean {
  return RAW_ENDINGS.has(extname(name).slice(1).toLowerCase());
}

function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}

/** Photos alone, as they are copied and linked. */
export function alone(photos: readonly string[]): Bundle[] {
  return [...new Set(photos)].map((photo) => ({ stem: stemOf(basename(photo)), files: [photo] }));
}
