import { UserError, usageError } from '../errors.ts';
import { unlessInterrupted } from '../interrupt.ts';
import type { Session } from '../library/session.ts';
import type { RenderPhoto } from '../photos/render.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import { fitBudget, type Unaffordable } from './cost/budget.ts';
import type { Estimate } from './cost/cost.ts';
import { readSeenTokens } from './cost/seen-tokens.ts';
import { conversationPrices, readImageModels } from './image-models/image-models.ts';
import { endpointKind } from './openai/endpoint.ts';
import { BY_HAND, type Notice, type Plan, type PlannedReference } from './plan.ts';
import type { EndpointKind, Parameters, Quality } from './port.ts';
import { demandPublic, type GuardDeps, guardNow, privateError, privateTwin } from './private-guard.ts';
import { LONGEST_TEXT } from './wording.ts';

/**
 * A request that is ready to be sent, with all that a person needs to agree to it. It is a value: nothing was sent or
 * written yet, and it may be made (`make`), written down as a dry run, or forgotten.
 */
export interface Offer extends Pick<Plan, 'verb' | 'prompt' | 'model' | 'conversation' | 'parent' | 'allowedPrivate'> {
  readonly endpoint: EndpointKind;
  /** As it is sent. */
  readonly text: string;
  /** As they are sent: with the quality that the budget allows. */
  readonly parameters: Parameters;
  readonly wantedQuality: Quality;
  /** In the order they are sent. */
  readonly references: readonly PlannedReference[];
  readonly unused: Plan['unused'];
  readonly estimate: Estimate;
  /** What was given up for the budget, as clauses. */
  readonly dropped: readonly string[];
  readonly notices: readonly Notice[];
}

/** What offers are made with. */
export interface OfferDeps {
  readonly world: Pick<World, 'home' | 'now'>;
  /** Of this request: its budget and image model may differ from those of the session. */
  readonly settings: Settings;
  /** Where photos are looked for; a request whose photos are all named opens nothing of it. */
  readonly session: Session;
  readonly render: RenderPhoto;
  readonly signal: AbortSignal;
}

/**
 * Fits a plan into the budget of the settings, and sees that everything in it may be sent.
 * @throws UserError `over_budget`, `private` (both refused)
 */
export async function offerPlan(plan: Plan, deps: OfferDeps): Promise<Offer> {
  const { settings } = deps;
  const { parameters, references, conversation, model } = plan;
  const prices = conversation === null ? null : conversationPrices(await readImageModels(), conversation.model);
  const fitted = fitBudget(
    {
      model: model.entry,
      text: plan.textFor(references),
      references: references.map(({ reference }) => reference.tokens),
      size: parameters.size,
      quality: parameters.quality,
      n: parameters.n,
      partialImages: parameters.partialImages ?? 0,
      seenTokens: await readSeenTokens(settings.paths.data, model.id, parameters),
      rememberedTokens: plan.rememberedTokens,
      conversation: conversation === null ? null : { id: conversation.model, prices },
    },
    settings.maxCost ?? null,
    plan.rigid,
  );
  if ('reason' in fitted) throw overBudget(fitted, settings.maxCost);
  const kept = references.slice(0, fitted.references);
  const outOfBudget = references.slice(fitted.references).map(({ reference, score, reason }) => {
    // Whoever chose a photo is to see that it is not sent.
    const isChosen = Object.values<string>(BY_HAND).includes(reason);
    return { file: reference.file, score, reason: isChosen ? `${reason}, but over the budget` : 'budget' };
  });
  const { verb, prompt, parent, allowedPrivate } = plan;
  const offer: Offer = {
    ...{ verb, prompt, model, conversation, parent, allowedPrivate },
    endpoint: endpointKind(settings),
    text: possibleText(plan.textFor(kept)),
    parameters: { ...parameters, quality: fitted.quality },
    wantedQuality: parameters.quality,
    references: await unlessInterrupted(deps.signal, withVectors(kept, deps)),
    unused: [...outOfBudget, ...plan.unused],
    estimate: fitted.estimate,
    dropped: fitted.dropped,
    notices: [...plan.notices, ...(model.notice === null ? [] : [{ kind: 'model', text: model.notice } as const])],
  };
  await demandAllPublic(offer, deps);
  return offer;
}

/**
 * By the rules as they stand now; what counts is where the bytes come from, and whether a photo of the index that shows
 * the same is private. @throws UserError `private`
 */
export async function demandAllPublic(
  { references, allowedPrivate }: Pick<Offer, 'references' | 'allowedPrivate'>,
  deps: GuardDeps & Pick<OfferDeps, 'session'>,
): Promise<void> {
  const guard = await guardNow(deps, allowedPrivate);
  for (const { reference } of references) demandPublic(guard, reference.file);
  const known = references.flatMap(({ reference: { file, sha256 }, vector }) =>
    vector === undefined ? [] : [{ file, sha256, vector }],
  );
  if (known.length === 0) return;
  const [index, { thresholds }] = await Promise.all([deps.session.index(), deps.session.model()]);
  for (const photo of known) {
    const twin = await privateTwin(index, photo, { guard, thresholds });
    if (twin !== null) throw privateError(photo.file, twin);
  }
}

/**
 * References with their embeddings, by which an index tells what shows the same. A picture that curate made is none of
 * its photos, and without an index nothing needs to be told.
 */
async function withVectors(
  references: readonly PlannedReference[],
  { session }: Pick<OfferDeps, 'session'>,
): Promise<PlannedReference[]> {
  const { storeExists } = await import('../store/open.ts');
  const unknown = references.filter(({ role, vector }) => role !== 'picture' && vector === undefined);
  if (unknown.length === 0 || !(await storeExists(session.settings))) return [...references];
  const { describe } = await import('./candidates.ts');
  const files = unknown.map(({ reference }) => reference.file);
  const described = await describe(await session.embedder(), files);
  return references.map((planned) => {
    const vector = planned.vector ?? described.get(planned.reference.file)?.vector;
    return vector === undefined ? planned : { ...planned, vector };
  });
}

/** @throws UserError usage when it is longer than the API takes */
function possibleText(text: string): string {
  const length = [...text].length;
  if (length <= LONGEST_TEXT) return text;
  throw usageError(`The prompt is too long: ${length} characters, ${LONGEST_TEXT} are possible.`, 'Shorten it.');
}

function overBudget({ known, reason, tried }: Unaffordable, maxCost: number | undefined): UserError {
  const dropped = tried.length === 0 || !known ? '' : ` after dropping ${tried.join(' and ')}`;
  const what = known ? `Over the budget of $${maxCost}${dropped}` : `A budget of $${maxCost} cannot be kept`;
  const hint = known
    ? 'Raise --max-cost, or ask for a smaller picture.'
    : 'Leave neither size nor quality to the model and take one of known price, or set no budget and agree with --yes.';
  return new UserError('over_budget', `${what}: ${reason}. Nothing was sent.`, { hint, kind: 'refused' });
}
