import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { demandUninterrupted, unlessInterrupted } from '../interrupt.ts';
import { placesOf } from '../library/contents.ts';
import { once } from '../library/once.ts';
import type { RenderPhoto } from '../photos/render.ts';
import { rememberedTokens } from './conversation.ts';
import { chooseModel, readImageModels } from './image-models/image-models.ts';
import { parametersBefore } from './image-models/parameters.ts';
import { ancestorsOf, type Found } from './lineage/files.ts';
import { type Lineage, resolveStored } from './lineage/lineage.ts';
import { type Offer, type OfferDeps, offerPlan } from './offer.ts';
import type { Notice, Plan, PlannedReference } from './plan.ts';
import { type Prepared, prepareReference, type Reference } from './references.ts';

interface ReplayRequest {
  readonly from: Found;
  /** Absolute; private photos that may be sent all the same. */
  readonly allowedPrivate: readonly string[];
}

/**
 * The very request that a lineage file tells of; a photo that was moved is taken from where the index has it.
 * @throws UserError `reference_changed` when one of its photos is gone, changed, or would be sent as other bytes; `private`,
 * `over_budget`
 */
export async function offerReplay({ from, allowedPrivate }: ReplayRequest, deps: OfferDeps): Promise<Offer> {
  const { lineage } = from;
  const folder = dirname(from.file);
  const model = chooseModel(await readImageModels(), lineage.model, deps.world.now(), false);
  const { references, notices } = await unlessInterrupted(deps.signal, allAgain(lineage, folder, deps));
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
      notices,
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

type Again = Pick<Plan, 'references' | 'notices'>;

async function allAgain(
  { references }: Lineage,
  folder: string,
  { session, render, signal }: OfferDeps,
): Promise<Again> {
  // All rows are looked through, only where a photo is not as it was. Without an index it is gone, and that is said.
  const places = once(() => placesOf(session, new Set(references.map(({ sha256 }) => sha256))).catch(() => NOWHERE));
  const again: { references: PlannedReference[]; notices: Notice[] } = { references: [], notices: [] };
  for (const reference of references) {
    demandUninterrupted(signal);
    const planned = await sameAgain(reference, folder, { render, places: places.get });
    again.references.push(planned);
    const { file } = resolveStored(reference.path, folder);
    if (planned.reference.file !== file) again.notices.push({ kind: 'moved', from: file, to: planned.reference.file });
  }
  return again;
}

type Places = ReadonlyMap<string, readonly string[]>;
const NOWHERE: Places = new Map();

async function sameAgain(
  before: Lineage['references'][number],
  folder: string,
  { render, places }: { readonly render: RenderPhoto; places(): Promise<Places> },
): Promise<PlannedReference> {
  const { file, given } = resolveStored(before.path, folder);
  const { role, score, reason } = before;
  const prepared = await prepareReference(render, file);
  const same = await sameBytes(prepared, before, { render, places });
  if (same === null) {
    throw changed(`The photo ${file} ${prepared.kind === 'fault' ? prepared.fault.reason : 'was changed since'}`);
  }
  if (same.sentSha256 !== before.sentSha256) {
    throw changed(`The photo ${same.file} would be encoded differently now (another version of sharp)`);
  }
  return { reference: same, role, score, reason, given: same.file === file ? given : 'absolute' };
}

/** The photo as it was, from where it was or from wherever the index has it; null when that is nowhere. */
async function sameBytes(
  there: Prepared,
  { sha256 }: Lineage['references'][number],
  { render, places }: { readonly render: RenderPhoto; places(): Promise<Places> },
): Promise<Reference | null> {
  if (there.kind === 'ready' && there.reference.sha256 === sha256) return there.reference;
  for (const place of (await places()).get(sha256) ?? []) {
    const prepared = await prepareReference(render, place);
    if (prepared.kind === 'ready' && prepared.reference.sha256 === sha256) return prepared.reference;
  }
  return null;
}

function changed(what: string): UserError {
  return new UserError('reference_changed', `${what}: the same request cannot be made again. Nothing was sent.`, {
    hint: 'Put the photo back as it was, or index the folder where it is now; or make a new picture with curate comic.',
  });
}
