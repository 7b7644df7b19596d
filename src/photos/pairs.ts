/** One photo, kept in one file or in several. */
export interface PhotoGroup {
  /** The file that stands for the photo. */
  readonly path: string;
  /** The same photo's other files: its RAW, its HEIC, the film of a Live Photo. Sorted. */
  readonly companions: readonly string[];
}

type FileKind = 'jpeg' | 'heic' | 'raw' | 'film';

const ENDINGS: Readonly<Record<FileKind, readonly string[]>> = {
  jpeg: ['jpg', 'jpeg', 'jpe', 'jfif'],
  heic: ['heic', 'heif', 'hif'],
  raw: ['cr2', 'cr3', 'nef', 'arw', 'dng', 'raf', 'orf', 'rw2'],
  film: ['mov'],
};
const KIND_OF_ENDING: ReadonlyMap<string, FileKind> = new Map(
  Object.entries(ENDINGS).flatMap(([kind, endings]) => endings.map((ending) => [ending, kind as FileKind] as const)),
);

interface NamedFile {
  readonly path: string;
  readonly kind: FileKind;
  /** Folder and name without its ending, as written. */
  readonly stem: string;
}

/**
 * Groups the files of one photo: a RAW file beside its JPEG or HEIC, the film of a Live Photo, a HEIC beside the JPEG
 * that was exported from it. They lie in the same folder and have the same name but for its ending and its case.
 * The JPEG stands for the photo, or else the HEIC. Files of one kind are photos of their own, and so is a RAW file or
 * a film without a JPEG or HEIC, and every file of another kind.
 *
 * `paths` are relative and "/"-separated, each given once; each appears once in the result, which is sorted by path.
 */
export function groupPairs(paths: readonly string[]): PhotoGroup[] {
  const groups: PhotoGroup[] = [];
  const bySameName = new Map<string, NamedFile[]>();
  for (const path of paths) {
    const file = named(path);
    if (file === null) groups.push({ path, companions: [] });
    else {
      const key = sameName(file.stem);
      bySameName.set(key, [...(bySameName.get(key) ?? []), file]);
    }
  }
  for (const files of bySameName.values()) groups.push(...groupFiles(files));
  return groups.sort((a, b) => byText(a.path, b.path));
}

/** Groups files of the same name: those of the standing kind each open a group, the others join one of them. */
function groupFiles(files: readonly NamedFile[]): PhotoGroup[] {
  const sorted = files.toSorted((a, b) => byText(a.path, b.path));
  const standing = (['jpeg', 'heic'] as const).find((kind) => files.some((file) => file.kind === kind));
  const heads = sorted.filter((file) => file.kind === standing);
  const [firstHead] = heads;
  if (firstHead === undefined) return sorted.map(({ path }) => ({ path, companions: [] }));
  const companions = new Map<NamedFile, string[]>(heads.map((head) => [head, []]));
  for (const file of sorted) {
    if (file.kind === standing) continue;
    // Where names differ by case alone ("a.jpg", "A.JPG" on Linux), each RAW file goes to the one written as it is.
    const head = heads.find(({ stem }) => stem === file.stem) ?? firstHead;
    companions.get(head)?.push(file.path);
  }
  return [...companions].map(([{ path }, others]) => ({ path, companions: others }));
}

function named(path: string): NamedFile | null {
  const dot = path.lastIndexOf('.');
  const kind = KIND_OF_ENDING.get(path.slice(dot + 1).toLowerCase());
  const stem = path.slice(0, dot);
  return dot === -1 || kind === undefined || stem === '' || stem.endsWith('/') ? null : { path, kind, stem };
}

/** Folders are told apart exactly; names by neither case nor the two spellings that Unicode has for accents. */
function sameName(stem: string): string {
  const slash = stem.lastIndexOf('/') + 1;
  return stem.slice(0, slash) + stem.slice(slash).normalize('NFC').toLowerCase();
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
