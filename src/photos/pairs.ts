import { RAW_ENDINGS } from './kinds.ts';

const DEVELOPED = new Set(['jpg', 'jpeg', 'jpe', 'jfif', 'heic', 'heif', 'hif']);

/**
 * Which RAW files are one photo with a JPEG or HEIC: they lie in the same folder and have the same name but for its
 * ending and its case. (The film of a Live Photo is no photo by its ending, so its photo counts once anyway.)
 *
 * @param paths Relative and "/"-separated.
 * @returns From the RAW file to the file that stands for the photo: the first by name.
 */
export function rawCompanions(paths: readonly string[]): Map<string, string> {
  const developed = new Map<string, string>();
  for (const path of [...paths].sort()) {
    const { name, ending } = split(path);
    if (DEVELOPED.has(ending) && !developed.has(name)) developed.set(name, path);
  }
  const pairs = new Map<string, string>();
  for (const path of paths) {
    const { name, ending } = split(path);
    const standing = RAW_ENDINGS.has(ending) ? developed.get(name) : undefined;
    if (standing !== undefined) pairs.set(path, standing);
  }
  return pairs;
}

/** Folders are told apart exactly; names by neither case nor the two spellings that Unicode has for accents. */
function split(path: string): { readonly name: string; readonly ending: string } {
  const slash = path.lastIndexOf('/') + 1;
  const dot = path.lastIndexOf('.');
  if (dot <= slash) return { name: path, ending: '' };
  const name = path.slice(0, slash) + path.slice(slash, dot).normalize('NFC').toLowerCase();
  return { name, ending: path.slice(dot + 1).toLowerCase() };
}
