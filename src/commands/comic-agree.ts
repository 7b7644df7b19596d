import { UserError, usageError } from '../errors.ts';
import type { Unused } from '../output/picture-report.ts';
import { type Fitted, fitBudget, type Unaffordable } from '../picture/budget.ts';
import type { ConversationPrices } from '../picture/cost.ts';
import { type ImageModelTable, readImageModels } from '../picture/image-models.ts';
import type { Plan, PlannedReference } from '../picture/plan.ts';
import type { Parameters } from '../picture/port.ts';
import { LONGEST_TEXT } from '../picture/text.ts';

/** A plan with the budget kept: this is what is announced, agreed to and sent. */
export interface Agreed {
  readonly plan: Plan;
  readonly fitted: Fitted;
  readonly references: readonly PlannedReference[];
  readonly parameters: Parameters;
  readonly text: string;
  readonly unused: readonly Unused[];
}

/** Fits a plan into the budget. @throws UserError `over_budget` (exit 4) */
export async function keepBudget(
  plan: Plan,
  unused: readonly Unused[],
  { maxCost, rigid }: { readonly maxCost: number | undefined; readonly rigid: boolean },
): Promise<Agreed> {
  const table = await readImageModels();
  const { parameters, references } = plan;
  const request = {
    model: plan.model.entry,
    text: plan.textFor(references),
    references: references.map(({ reference }) => reference.tokens),
    size: parameters.size,
    quality: parameters.quality,
    n: parameters.n,
    partialImages: parameters.partialImages ?? 0,
    rememberedTokens: plan.rememberedTokens,
    conversation: conversationPrices(table, plan),
  };
  const fitted = fitBudget(request, maxCost ?? null, rigid);
  if ('reason' in fitted) {
    throw overBudget(fitted, maxCost);
  }
  const kept = references.slice(0, fitted.references);
  const text = plan.textFor(kept);
  if ([...text].length > LONGEST_TEXT) {
    throw usageError(
      `The prompt is too long: ${[...text].length} characters, ${LONGEST_TEXT} are possible.`,
      'Shorten it.',
    );
  }
  const outOfBudget = references.slice(fitted.references).map(({ reference, score }) => {
    return { file: reference.file, score, reason: 'budget' };
  });
  return {
    plan,
    fitted,
    references: kept,
    parameters: { ...parameters, quality: fitted.quality },
    text,
    unused: [...outOfBudget, ...unused],
  };
}

function overBudget({ known, reason, tried }: Unaffordable, maxCost: number | undefined): UserError {
  const dropped = tried.length === 0 || !known ? '' : ` after dropping ${tried.join(' and ')}`;
  const what = known ? `Over the budget of $${maxCost}${dropped}` : `A budget of $${maxCost} cannot be kept`;
  const hint = known
    ? 'Raise --max-cost, or choose a smaller --size.'
    : 'Leave nothing to the model (--size, --quality) and take one of known price, or set no budget and agree with --yes.';
  return new UserError('over_budget', `${what}: ${reason}. Nothing was sent.`, { hint, kind: 'refused' });
}

/** What the conversation's model costs; null where there is no conversation. */
export function conversationPrices(
  table: ImageModelTable,
  { conversation }: Plan,
): { readonly id: string; readonly prices: ConversationPrices | null } | null {
  if (conversation === null) return null;
  const entry = table.conversationModels.find(({ id }) => id === conversation.model);
  return { id: conversation.model, prices: entry?.usdPerMillion ?? null };
}
