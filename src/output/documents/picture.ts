import type { Made } from '../../picture/make.ts';
import type { Offer } from '../../picture/offer.ts';

type Document = { readonly schema: string } & Record<string, unknown>;

/** What comic, refine and replay say with --json of pictures that were made. Pure. */
export function pictureDocument({ offer, pictures, usage, actualUsd, isCostDoubtful, shortfall }: Made): Document {
  return {
    schema: `curate.${offer.verb}/1`,
    pictures: pictures.map(({ lineage, ...picture }) => picture),
    lineage: pictures.map(({ lineage }) => lineage),
    ...aboutOffer(offer),
    usage,
    cost: { estimatedUsd: offer.estimate.usd, actualUsd, ...(isCostDoubtful ? { doubtful: true } : {}) },
    missing: shortfall?.said ?? null,
    dryRun: false,
  };
}

/** The same of a dry run. Pure. @param folder where it was written */
export function dryRunDocument(offer: Offer, folder: string): Document {
  return {
    schema: `curate.${offer.verb}/1`,
    pictures: [],
    lineage: [],
    ...aboutOffer(offer),
    usage: null,
    cost: { estimatedUsd: offer.estimate.usd, actualUsd: null },
    dryRun: true,
    folder,
  };
}

function aboutOffer({ references, unused, model, text, dropped }: Offer): Record<string, unknown> {
  return {
    references: [
      ...references.map(({ reference, role, score, reason }) => {
        return { path: reference.file, role, score, used: true, reason };
      }),
      ...unused.map(({ file, score, reason }) => ({ path: file, role: 'reference', score, used: false, reason })),
    ],
    model: model.id,
    text,
    dropped,
  };
}
