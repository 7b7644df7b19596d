import pLimit from 'p-limit';
import { demandUninterrupted } from '../../interrupt.ts';
import { FRAME_BOX, type FrameQuality, frameQuality } from '../../photos/frame.ts';
import type { Likeness } from './alike.ts';
import { type Candidate, pixelsOf } from './inspect.ts';
import type { DedupeDeps } from './request.ts';

const AT_ONCE = 4;

/** Judges every frame that is of a burst, each decoded once; by content. What cannot be decoded is not judged. */
export async function judgeFrames(
  { render, signal, onEvent }: Pick<DedupeDeps, 'render' | 'signal' | 'onEvent'>,
  likeness: Likeness,
  candidates: readonly Candidate[],
): Promise<Map<number, FrameQuality>> {
  const frames = new Map(
    candidates
      .filter((candidate) => likeness.related(candidate).some(({ kind }) => kind === 'burst'))
      .map((candidate) => [candidate.content, candidate]),
  );
  const judged = new Map<number, FrameQuality>();
  const limit = pLimit(AT_ONCE);
  let done = 0;
  await Promise.all(
    [...frames.values()].map((candidate) =>
      limit(async () => {
        demandUninterrupted(signal);
        const pixels = await pixelsOf(render, candidate, FRAME_BOX);
        if (pixels !== null) judged.set(candidate.content, frameQuality(pixels));
        done += 1;
        onEvent({ kind: 'judging', done, total: frames.size });
      }),
    ),
  );
  return judged;
}
