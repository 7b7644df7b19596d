import { dollars, type Estimate, type EstimateRequest, estimate, type Quality } from './cost.ts';

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
  readonly reason: string;
  readonly tried: readonly string[];
}

/** Steps down from each quality; what `auto` comes to is not known before, so any fixed one is a step down. */
const LOWER: Readonly<Record<Quality, readonly Quality[]>> = {
  auto: ['medium', 'low'],
  high: ['medium', 'low'],
  medium: ['low'],
  low: [],
};

/**
 * Fits a request into a budget: references are dropped first, from the last one, then quality; at a lower quality as
 * many references stand as the budget then allows. One reference always stays. Pure.
 *
 * @param least how many references must stay: those are never dropped
 */
export function fitBudget(request: EstimateRequest, maxUsd: number, least = 1): Fitted | Unaffordable {
  const all = request.references.length;
  const fewest = Math.min(all, Math.max(least, 1));
  let cheapest: Estimate | null = null;
  for (const quality of [request.quality, ...LOWER[request.quality]]) {
    for (let references = all; references >= fewest; references -= 1) {
      const now = estimate({ ...request, quality, references: request.references.slice(0, references) });
      cheapest = now;
      if (now.usd === null || now.usd > maxUsd) continue;
      return { references, quality, estimate: now, dropped: given(request, references, quality) };
    }
  }
  const lowest = LOWER[request.quality].at(-1) ?? request.quality;
  const tried = given(request, fewest, lowest);
  if (cheapest === null || cheapest.usd === null) {
    return { reason: `what it costs is not known: ${cheapest?.unknown ?? 'nothing to send'}`, tried };
  }
  return { reason: `it would still cost about ${dollars(cheapest.usd)}`, tried };
}

function given(request: EstimateRequest, references: number, quality: Quality): string[] {
  const fewer = request.references.length - references;
  return [
    ...(fewer === 0 ? [] : [`${fewer} of ${request.references.length} references`]),
    ...(quality === request.quality ? [] : [`quality from ${request.quality} to ${quality}`]),
  ];
}
