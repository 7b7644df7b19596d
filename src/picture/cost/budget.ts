import { QUALITIES, type Quality } from '../port.ts';
import { type Estimate, type EstimateRequest, estimate } from './cost.ts';
import { dollars } from './dollars.ts';

export interface Fitted {
  /** How many of the references are sent, from the first. */
  readonly references: number;
  readonly quality: Quality;
  readonly estimate: Estimate;
  /** What was given up, as clauses; empty when all fits. */
  readonly dropped: readonly string[];
}

/** The estimate is unknown, or too much even for the least request. */
export interface Unaffordable {
  /** Whether it is known what the least request costs. */
  readonly known: boolean;
  readonly reason: string;
  readonly tried: readonly string[];
}

/** Steps down from a quality, the finest first; what `auto` comes to is not known before, so medium is a step down. */
function lowerThan(quality: Quality): Quality[] {
  const from = quality === 'auto' ? QUALITIES.indexOf('high') : QUALITIES.indexOf(quality);
  return QUALITIES.slice(0, from).reverse();
}

/**
 * Fits a request into a budget: references are dropped first, from the last one, then quality; at a lower quality as
 * many references stand as the budget then allows. One reference always stays. Pure.
 *
 * @param maxUsd null for no limit
 * @param rigid nothing may be given up: it fits as it is, or not at all
 */
export function fitBudget(request: EstimateRequest, maxUsd: number | null, rigid = false): Fitted | Unaffordable {
  const all = request.references.length;
  const fewest = rigid ? all : Math.min(all, 1);
  const qualities = rigid ? [request.quality] : [request.quality, ...lowerThan(request.quality)];
  let least = estimate(request);
  if (maxUsd === null) return { references: all, quality: request.quality, estimate: least, dropped: [] };
  for (const quality of qualities) {
    for (let references = all; references >= fewest; references -= 1) {
      least = estimate({ ...request, quality, references: request.references.slice(0, references) });
      if (least.usd === null || least.usd > maxUsd) continue;
      return { references, quality, estimate: least, dropped: given(request, references, quality) };
    }
  }
  const tried = given(request, fewest, qualities.at(-1) ?? request.quality);
  if (least.usd === null)
    return { known: false, reason: `what it costs is not known, because ${least.unknown}`, tried };
  return {
    known: true,
    reason: `it would${tried.length === 0 ? '' : ' still'} cost about ${dollars(least.usd)}`,
    tried,
  };
}

function given(request: EstimateRequest, references: number, quality: Quality): string[] {
  const fewer = request.references.length - references;
  return [
    ...(fewer === 0 ? [] : [`${fewer} of ${request.references.length} references`]),
    ...(quality === request.quality ? [] : [`quality from ${request.quality} to ${quality}`]),
  ];
}
