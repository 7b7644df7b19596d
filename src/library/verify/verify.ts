import { UserError } from '../../errors.ts';
import { type VerifiedPhoto, type VerifyDeps, verifyPhotos } from './run.ts';
import { type LeftOut, takeSample } from './sample.ts';
import { type Health, judge, type KindScore, SAME_COSINE, type SelfMatch, scoreOf } from './score.ts';
import { VARIANTS } from './variants.ts';

export interface VerifyRequest {
  /** Absolute; null verifies the whole index. */
  readonly folder: string | null;
  /** Photos at the most. */
  readonly sample: number;
  readonly seed: number;
}

export interface VerifyReport extends Health {
  /** Photos verified. */
  readonly sample: number;
  readonly leftOut: LeftOut;
  readonly selfMatch: SelfMatch;
  readonly kinds: readonly KindScore[];
}

/**
 * Checks the index on the person's own photos: embeds a sample again, compares with what is stored, and searches with
 * each photo and with altered copies of it. A near-duplicate of the photo counts as the photo: which frame of a burst
 * comes first is chance.
 * @throws UserError when there is nothing to verify, and `interrupted`.
 */
export async function verifyIndex(deps: VerifyDeps, request: VerifyRequest): Promise<VerifyReport> {
  const { photos, leftOut } = await takeSample(deps, request.folder, {
    size: request.sample,
    seed: request.seed,
  });
  const { verified, unfit } = await verifyPhotos(deps, photos);
  if (verified.length === 0) {
    throw new UserError('nothing_to_verify', 'None of the indexed photos is there as it was indexed.', {
      hint: 'Connect the drive they are on, or update the index: curate index',
    });
  }
  const selfMatch = selfMatchOf(verified);
  const kinds = (['unaltered', ...VARIANTS] as const).map((kind) => {
    const ranks = verified.map((photo) => photo.ranks.get(kind) ?? null);
    return scoreOf(kind, ranks);
  });
  const unfitFor = (reason: (typeof unfit)[number]): number => unfit.filter((other) => other === reason).length;
  return {
    sample: verified.length,
    leftOut: {
      away: leftOut.away,
      changed: leftOut.changed + unfitFor('changed'),
      unreadable: unfitFor('unreadable'),
    },
    kinds,
    selfMatch,
    ...judge(selfMatch, kinds, await deps.table.count()),
  };
}

function selfMatchOf(verified: readonly VerifiedPhoto[]): SelfMatch {
  const mismatched = verified.filter(({ selfCosine }) => selfCosine < SAME_COSINE).map(({ file }) => file);
  return {
    photos: verified.length,
    matched: verified.length - mismatched.length,
    lowestCosine: verified.reduce((lowest, { selfCosine }) => Math.min(lowest, selfCosine), 1),
    mismatched,
  };
}
