import pLimit from 'p-limit';
import { demandUninterrupted } from '../../interrupt.ts';
import type { Candidate } from './inspect.ts';
import { fitsPrint, PAIRS_AT_ONCE, Prints } from './prints.ts';
import type { DedupeDeps } from './request.ts';
import {
  type Compression,
  equalPrints,
  FINE_BOX,
  hideNoise,
  sameFinePrint,
  samePicture,
  wereResaved,
} from './same-picture.ts';
import { type Compared, Verdicts } from './verdicts.ts';

/** Two contents, by a photo of each. */
export type Pair = readonly [Candidate, Candidate];

/**
 * Whether each pair is the same picture, by its pixels. An animation or a document of pages is more than the one picture
 * that stands for it, and the same as nothing but its bytes. What was compared by an earlier run is not decoded again.
 */
export async function confirm(
  deps: Pick<DedupeDeps, 'session' | 'render' | 'signal' | 'onEvent'>,
  pairs: readonly Pair[],
): Promise<boolean[]> {
  if (pairs.length === 0) return [];
  const isSame: boolean[] = pairs.map(() => false);
  const verdicts = await Verdicts.open(deps.session.settings.paths.cache);
  const sides = sidesOf(pairs);
  const compared = ({ content, record: { sha256 } }: Candidate): Compared => {
    return { sha256, side: sides.get(content) ?? 0 };
  };
  const open: number[] = [];
  try {
    for (const [i, [one, other]] of pairs.entries()) {
      if (one.holdsSeveral || other.holdsSeveral) continue;
      const known = await verdicts.of(compared(one), compared(other));
      if (known === undefined) open.push(i);
      else isSame[i] = known;
    }
    const prints = new Prints(deps, { uses: open.flatMap((i) => pairs[i] ?? []), sides });
    const limit = pLimit(PAIRS_AT_ONCE);
    const judge = async (i: number): Promise<void> => {
      demandUninterrupted(deps.signal);
      const [one, other] = pairs[i] as Pair;
      const [a, b] = await Promise.all([prints.of(one), prints.of(other)]);
      if (a !== null && b !== null) {
        const verdict = samePicture(a, b) && (equalPrints(a, b) || (await mayBeOneSaved(prints, one, other)));
        isSame[i] = verdict === true;
        // What could not be compared may be the next time.
        if (verdict !== null) await verdicts.note(compared(one), compared(other), verdict);
      }
      prints.release(one);
      prints.release(other);
    };
    await Promise.all(open.map((i) => limit(() => judge(i))));
    return isSame;
  } finally {
    await verdicts.close();
  }
}

/** By content, the longest side at which it is compared with any other. */
function sidesOf(pairs: readonly Pair[]): Map<number, number> {
  const sides = new Map<number, number>();
  for (const [a, b] of pairs) {
    const side = closeSide(a, b);
    for (const { content } of [a, b]) sides.set(content, Math.max(side, sides.get(content) ?? 0));
  }
  return sides;
}

/** The longest side at which two photos that look the same are compared once more; 0 where a print says all there is. */
function closeSide(a: Candidate, b: Candidate): number {
  if (compressionsOf(a, b) !== null) return FINE_BOX;
  if (fitsPrint(a.record) || fitsPrint(b.record)) return 0;
  const longer = ({ record: { width, height } }: Candidate): number => Math.max(width, height);
  return Math.min(FINE_BOX, longer(a), longer(b));
}

/**
 * False for what looks the same at the size of a print alone: two pages that differ in the small print, and two frames of
 * a scene that does not move, which are JPEGs of one size of which neither was saved from the other. Null where one of them
 * can no longer be decoded.
 */
async function mayBeOneSaved(prints: Prints, a: Candidate, b: Candidate): Promise<boolean | null> {
  if (closeSide(a, b) === 0) return true;
  const [one, other] = await Promise.all([prints.luma(a), prints.luma(b)]);
  if (one === null || other === null) return null;
  if (!sameFinePrint(one, other)) return false;
  const compressions = compressionsOf(a, b);
  return (
    compressions === null ||
    wereResaved({ plane: one, compression: compressions[0] }, { plane: other, compression: compressions[1] })
  );
}

/** Those of JPEGs of one size whose noise tells whether one was saved from the other; null of all others. */
function compressionsOf(a: Candidate, b: Candidate): readonly [Compression, Compression] | null {
  const isOneSize = a.record.width === b.record.width && a.record.height === b.record.height;
  if (!isOneSize || a.compression === null || b.compression === null) return null;
  return hideNoise(a.compression, b.compression) ? null : [a.compression, b.compression];
}
