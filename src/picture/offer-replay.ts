import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { demandUninterrupted, unlessInterrupted } from '../interrupt.ts';
import type { RenderPhoto } from '../photos/render.ts';
import { rememberedTokens } from './conversation.ts';
import { chooseModel, readImageModels } from './image-models/image-models.ts';
import { parametersBefore } from './image-models/parameters.ts';
import { ancestorsOf, type Found } from './lineage/files.ts';
import { type Lineage, resolveStored } from './lineage/lineage.ts';
import { type Offer, type OfferDeps, offerPlan } from './offer.ts';
import type { PlannedReference } from './plan.ts';
import { prepareReference } from './references.ts';

interface ReplayRequest {
  readonly from: Found;
  /** Absolute; private photos that may be sent all the same. */
  readonly allowedPrivate: readonly string[];
}

/**
 * The very request that a lineage file tells of. @throws UserError `reference_changed` when one of its photos is gone,
 * changed, or would be sent as other bytes; `private`, `over_budget`
 */
export async function offerReplay({ from, allowedPrivate }: ReplayRequest, deps: OfferDeps): Promise<Offer> {
  const { lineage } = from;
  const folder = dirname(from.file);
  const model = chooseModel(await readImageModels(), lineage.model, deps.world.now(), false);
  const references = await unlessInterrupted(deps.signal, allAgain(lineage, folder, deps));
  const { conversationModel, previousResponseId, parent } = lineage;
  return offerPlan(
    {
      verb: 'replay',
      prompt: lineage.prompt,
      model,
      conversation: conversationModel === null ? null : { model: conversationModel, previousResponseId },
      parameters: parametersBefore(lineage),
      references,
      unused: [],
      rememberedTokens: previousResponseId === null ? 0 : rememberedTokens(await turnsBefore(from)),
      parent: parent === null ? null : { ...resolveStored(parent.path, folder), sha256: parent.sha256 },
      rigid: true,
      notices: [],
      allowedPrivate,
      textFor: () => lineage.text,
    },
    deps,
  );
}

/** Those of the conversation that the request continued; where their files are gone, its own picture stands for them. */
async function turnsBefore(from: Found): Promise<readonly Found[]> {
  const [self, ...before] = await ancestorsOf(from);
  return before.length === 0 && self !== undefined ? [self] : before;
}

async function allAgain(
  { references }: Lineage,
  folder: string,
  { render, signal }: Pick<OfferDeps, 'render' | 'signal'>,
): Promise<PlannedReference[]> {
  const again: PlannedReference[] = [];
  for (const reference of references) {
    demandUninterrupted(signal);
    again.push(await sameAgain(reference, folder, render));
  }
  return again;
}

async function sameAgain(
  before: Lineage['references'][number],
  folder: string,
  render: RenderPhoto,
): Promise<PlannedReference> {
  const { file, given } = resolveStored(before.path, folder);
  const prepared = await prepareReference(render, file);
  if (prepared.kind === 'fault') throw changed(`The photo ${file} ${prepared.fault.reason}`);
  const { reference } = prepared;
  if (reference.sha256 !== before.sha256) throw changed(`The photo ${file} was changed since`);
  if (reference.sentSha256 !== before.sentSha256) {
    throw changed(`The photo ${file} would be encoded differently now (another version of sharp)`);
  }
  return { reference, role: before.role, score: before.score, reason: before.reason, given };
}

function changed(what: string): UserError {
  return new UserError('reference_changed', `${what}: the same request cannot be made again. Nothing was sent.`, {
    hint: 'Put the photo back as it was, or make a new picture with curate comic.',
  });
}
