import ignore from 'ignore';
import picomatch from 'picomatch';
import { composed, foldedName } from '../files/names.ts';
import type { PhotoFilter, PhotoRecord } from './port.ts';

type Matched = Pick<PhotoRecord, 'path' | 'camera'>;

/**
 * The part of a filter that no store can say: a camera's name in any case, names and patterns. Null when there is no
 * such part, so that the store alone decides.
 */
export function unsaid({ camera, name, endings, exclude }: PhotoFilter): ((photo: Matched) => boolean) | null {
  const tests: ((photo: Matched) => boolean)[] = [];
  if (camera !== undefined) {
    const part = foldedName(camera);
    tests.push((photo) => photo.camera !== null && foldedName(photo.camera).includes(part));
  }
  if (endings !== undefined) {
    const wanted = new Set(endings);
    tests.push(({ path }) => wanted.has(endingOf(path)));
  }
  if (name !== undefined) {
    const matches = picomatch(plainSigns(composed(name)), { nocase: true, dot: true, basename: false });
    tests.push(({ path }) => matches(composed(nameOf(path))));
  }
  if (exclude !== undefined && exclude.length > 0) {
    const matcher = ignore().add(exclude.map(composed));
    tests.push(({ path }) => !matcher.ignores(composed(path)));
  }
  return tests.length === 0 ? null : (photo) => tests.every((test) => test(photo));
}

/**
 * "IMG (1).jpg" is a name that copies have; picomatch reads groups, alternatives, quotes, repetitions and negations in such
 * signs, as no shell does unasked, and a "!" as any other sign in sets.
 */
function plainSigns(pattern: string): string {
  return pattern.replace(/\\.|\[[^\]]*\]|[()|"!+$^@]/gs, (found) => {
    if (found.length === 1) return `\\${found}`;
    return found.replace(/^\[!/, '[^');
  });
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** '' for a name without an ending. */
function endingOf(path: string): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot + 1).toLowerCase();
}
