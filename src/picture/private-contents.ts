import { type FoundPhoto, searchVector } from '../library/vector-search.ts';
import type { PhotoIndex } from '../store/port.ts';
import type { PrivateGuard } from './private-guard.ts';

/** A photo that is about to be sent. */
interface Content {
  /** Absolute. */
  readonly file: string;
  readonly sha256: string;
  /** Unit length. */
  readonly vector: Float32Array;
}

/** What of the index is looked through first, and at most: more than that shows the same nowhere. */
const FIRST = 64;
const MOST = 16_384;

/**
 * Finds a private photo that shows the same as one that is about to be sent: a copy, or one saved anew. The whole index
 * is searched, whatever the folders and days that were asked for.
 *
 * @param nearDuplicate cosine from which two photos show the same
 * @returns a clause that names the private photo; null when there is none, or the photo is allowed by name
 */
export async function privateTwin(
  index: PhotoIndex,
  photo: Content,
  { guard, nearDuplicate }: { readonly guard: PrivateGuard; readonly nearDuplicate: number },
): Promise<string | null> {
  if (guard.isAllowed(photo.file)) return null;
  for (let k = FIRST; ; k = Math.min(MOST, 8 * k)) {
    const twins = await searchVector(index, { vector: photo.vector, k, minScore: nearDuplicate });
    const secret = twins.filter(({ file }) => guard.privateBy(file) !== null);
    const isCopy = ({ sha256 }: FoundPhoto): boolean => sha256 === photo.sha256;
    const twin = secret.find(isCopy) ?? secret[0];
    if (twin !== undefined) return `${isCopy(twin) ? 'the same' : 'nearly the same'} photo is ${twin.file}`;
    if (twins.length < k || k === MOST) return null;
  }
}
