import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { foldedName } from '../files/names.ts';
import type { Bundle } from '../files/transfer/plan.ts';
import { isRawName, kindByName, rawCompanions } from '../photos/kinds.ts';
import { onceEach } from './once.ts';

/** What other programs keep beside a photo: XMP, Apple's edits, RawTherapee's, DxO's, a camera's thumbnail. */
const SIDECARS = new Set(['xmp', 'aae', 'pp3', 'dop', 'thm']);
/** The film of a Live Photo; Google's phones write `a.MP` beside `a.MP.jpg`. */
const FILM = new Set(['mov', 'mp4', 'mp']);
/** As Google Takeout names what it knows of a photo: `a.jpg.supplemental-metadata.json`, `a.jpg.json` before 2024. */
const TAKEOUT = '.supplemental-metadata';
/** Takeout cuts names off here, and its ".json" comes behind. */
const TAKEOUT_CUT = 46;
/** Of a key: less than what Takeout leaves of a name. */
const KEY = 40;

/** A file that is one photo with a photo. */
export interface Companion {
  readonly name: string;
  readonly kind: 'raw' | 'developed' | 'film' | 'sidecar';
}

/** The names of the files in one folder; finds what belongs to a photo without looking at all of them. */
export class FolderNames {
  readonly #near = new Map<string, string[]>();
  readonly #all = new Set<string>();

  constructor(names: readonly string[]) {
    for (const name of names) {
      this.#all.add(foldedName(name));
      for (const key of keysOf(name)) {
        const known = this.#near.get(key);
        if (known === undefined) this.#near.set(key, [name]);
        else known.push(name);
      }
    }
  }

  /**
   * What is one photo with these, which have one stem and go together: the RAW of a JPEG or HEIC or the other way round,
   * the film of a Live Photo, and sidecars of any of them (`a.xmp`, `a.jpg.xmp`, darktable's `a_01.cr2.xmp`, `a.aae`,
   * Takeout's JSON). What another photo that stays has as much of a claim to stays with it.
   */
  companionsOf(photos: readonly string[]): Companion[] {
    const [first = ''] = photos;
    const { stem } = split(first);
    const near = (this.#near.get(keyOf(first)) ?? []).filter((name) => !photos.includes(name));
    const nearPhotos = near.filter((name) => kindByName(name) === 'photo');
    const twins = nearPhotos.filter((name) => split(name).stem === stem);
    const pairs = rawCompanions([...photos, ...twins]);
    const standing = (name: string): string => pairs.get(name) ?? name;
    const units = new Set(photos.map(standing));
    const isOne = twins.every((name) => units.has(standing(name)));
    const members = isOne ? [...photos, ...twins] : [...photos];
    const films = isOne ? near.filter((name) => isFilmOf(stem, name)) : [];
    const others = nearPhotos.filter((name) => !members.includes(name));
    const isBeside = (name: string): boolean => {
      // A photo of its very name comes before one of which it could be a version.
      const isOwn = this.#all.has(split(name).stem);
      const claims = (photo: string): boolean => isSidecarOf(photo, isOwn ? name : withoutVersion(name));
      if ([...members, ...films].some(claims)) return !others.some(claims);
      return isOne && isSidecarOfStem(stem, name);
    };
    return near.flatMap((name): Companion[] => {
      if (twins.includes(name)) {
        if (!isOne) return [];
        return [{ name, kind: isRawName(name) ? 'raw' : 'developed' }];
      }
      if (films.includes(name)) return [{ name, kind: 'film' }];
      return kindByName(name) !== 'photo' && isBeside(name) ? [{ name, kind: 'sidecar' }] : [];
    });
  }
}

/** Reads the names in folders, each once; those of a folder that cannot be read are none. */
export function folderReader(
  read: (folder: string) => Promise<readonly string[]> = filesIn,
): (folder: string) => Promise<FolderNames> {
  return onceEach((folder) =>
    read(folder).then(
      (all) => new FolderNames(all),
      () => new FolderNames([]),
    ),
  );
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : []));
}

/**
 * Photos with what belongs to them, those of one name together.
 * @param photos Absolute
 */
export async function unitsOf(photos: readonly string[], namesIn = folderReader()): Promise<Bundle[]> {
  const together = new Map<string, string[]>();
  for (const photo of new Set(photos)) {
    const key = join(dirname(photo), split(basename(photo)).stem);
    together.set(key, [...(together.get(key) ?? []), photo]);
  }
  return Promise.all(
    [...together.values()].map(async (files) => {
      const folder = dirname(files[0] ?? '');
      const more = (await namesIn(folder)).companionsOf(files.map((file) => basename(file)));
      return bundleOf([...files, ...more.map(({ name }) => join(folder, name))]);
    }),
  );
}

/** Files that go together, the photo first. */
export function bundleOf(files: readonly string[]): Bundle {
  const [stem, ...names] = files.map((file) => basename(file));
  const own = (stem ?? '').replace(/\.[^.]*$/, '');
  // Takeout calls the JSON of "a(1).jpg" "a.jpg(1).json": a number behind "a" keeps the two together.
  const shared = own.replace(NUMBERED, '');
  return { stem: names.every((name) => foldedName(name).startsWith(foldedName(own))) ? own : shared, files };
}

const NUMBERED = /\(\d+\)$/;

/** Files that may belong together share one: what stands before the endings, without Takeout's number, cut off. */
function keyOf(name: string): string {
  const whole = foldedName(name);
  const dot = whole.search(/\.(?=\p{L}|3fr)/u);
  return (dot <= 0 ? whole : whole.slice(0, dot)).replace(NUMBERED, '').slice(0, KEY);
}

function keysOf(name: string): Set<string> {
  return new Set([keyOf(name), keyOf(withoutVersion(name)), keyOf(ofOriginal(name))]);
}

/** darktable keeps further versions of "a.cr2" in "a_01.cr2.xmp". */
function withoutVersion(name: string): string {
  return name.replace(/_\d{2,}(\.[^.]+\.xmp)$/i, '$1');
}

/** iOS keeps what it did to "IMG_1.HEIC" as it was taken in "IMG_O1.AAE". */
function ofOriginal(name: string): string {
  return name.replace(/^(IMG_)O(\d+\.aae)$/i, '$1$2');
}

function isFilmOf(stem: string, name: string): boolean {
  const { stem: its, ending } = split(name);
  return FILM.has(ending) && (its === stem || (ending === 'mp' && foldedName(name) === stem));
}

function isSidecarOfStem(stem: string, name: string): boolean {
  const { stem: its, ending } = split(ofOriginal(name));
  return its === stem && SIDECARS.has(ending);
}

/** Whether its name is made from the whole name of the photo. */
function isSidecarOf(photo: string, name: string): boolean {
  const whole = foldedName(photo);
  const { stem, ending } = split(name);
  if (ending === 'json') return isTakeoutOf(whole, stem);
  return SIDECARS.has(ending) && stem === whole;
}

/** @param json Without ".json" */
function isTakeoutOf(photo: string, json: string): boolean {
  const number = NUMBERED.exec(json)?.[0] ?? '';
  const unnumbered = json.slice(0, json.length - number.length);
  const { stem, ending } = split(photo);
  const names = [photo];
  if (number !== '' && stem.endsWith(number)) names.push(`${stem.slice(0, -number.length)}.${ending}`);
  return names.some((name, i) => {
    const text = i === 0 ? json : unnumbered;
    const isCut = unnumbered.length >= TAKEOUT_CUT || json.length === TAKEOUT_CUT;
    return `${name}${TAKEOUT}`.startsWith(text) && (text.length >= name.length || isCut);
  });
}

function split(name: string): { readonly stem: string; readonly ending: string } {
  const whole = foldedName(name);
  const dot = whole.lastIndexOf('.');
  return dot <= 0 ? { stem: whole, ending: '' } : { stem: whole.slice(0, dot), ending: whole.slice(dot + 1) };
}
