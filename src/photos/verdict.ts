import { Crossing } from './crossing.ts';
import { failureOf, losesPixels } from './decode-failure.ts';
import type { Faulty } from './fault.ts';
import type { PhotoFormat } from './sniff.ts';

/** What sharp refuses: whatever libvips remarks upon, or errors alone (its `failOn`). */
export type Strictness = 'warning' | 'error';

/**
 * libvips keeps its messages in one place for the whole process: of two photos decoded side by side, each may be told
 * what is wrong with the other, or nothing. A verdict is given alone.
 */
const crossing = new Crossing();

/** Decodes with sharp: strictly; when only something harmless was wrong, once more, leniently. */
export async function judged<Decoded>(
  bytes: Uint8Array,
  format: PhotoFormat,
  decode: (strictness: Strictness) => Promise<Decoded>,
): Promise<Decoded | Faulty> {
  try {
    return await crossing.together(() => decode('warning'));
  } catch {
    return await crossing.alone(() => judge(bytes, format, decode));
  }
}

async function judge<Decoded>(
  bytes: Uint8Array,
  format: PhotoFormat,
  decode: (strictness: Strictness) => Promise<Decoded>,
): Promise<Decoded | Faulty> {
  try {
    return await decode('warning');
  } catch (error) {
    if (losesPixels(error)) return { kind: 'fault', fault: failureOf(error, format, bytes) };
  }
  try {
    return await decode('error');
  } catch (error) {
    return { kind: 'fault', fault: failureOf(error, format, bytes) };
  }
}
