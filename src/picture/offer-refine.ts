import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { demandUninterrupted, unlessInterrupted } from '../interrupt.ts';
import { rememberedTokens } from './conversation.ts';
import { chooseModel, readImageModels } from './image-models/image-models.ts';
import { parametersBefore, parametersOf, type Wanted } from './image-models/parameters.ts';
import { ancestorsOf, type Found } from './lineage/files.ts';
import { type Lineage, type LineageReference, resolveStored } from './lineage/lineage.ts';
import { type Offer, type OfferDeps, offerPlan } from './offer.ts';
import { endpointKind } from './openai/endpoint.ts';
import type { Plan, PlannedReference, Unused } from './plan.ts';
import { type EndpointKind, MOST_PICTURES } from './port.ts';
import { prepareReference } from './references.ts';
import { composeText } from './wording.ts';

/** A change to a picture that curate made. */
export interface RefineRequest {
  readonly from: Found;
  readonly prompt: string;
  /** Sends the prompt alone, without the paragraph that says what the pictures are. */
  readonly raw: boolean;
  /** Edits the picture with its photos, instead of continuing the conversation. */
  readonly stateless: boolean;
  /** The server has forgotten the conversation (see `make`): a new one begins with the picture and its photos. */
  readonly forgotten?: boolean;
  /** Undefined stays with the model of the picture. */
  readonly imageModel: string | undefined;
  readonly wanted: Wanted;
  /** Absolute; private photos that may be sent all the same. */
  readonly allowedPrivate: readonly string[];
}

/** @throws UserError usage, `picture_gone`, `private`, `over_budget` */
export async function offerRefine(request: RefineRequest, deps: OfferDeps): Promise<Offer> {
  const { world, settings, signal } = deps;
  const { from, prompt, raw, stateless, allowedPrivate } = request;
  const { lineage } = from;
  const table = await readImageModels();
  const model = chooseModel(table, request.imageModel ?? lineage.model, world.now(), request.imageModel !== undefined);
  const parameters = parametersOf(request.wanted, model, parametersBefore(lineage));
  const origin = await originOf(from);
  const start: Start = request.forgotten
    ? { kind: 'new', previousId: null }
    : startFrom(lineage, endpointKind(settings), stateless);
  const pictures =
    start.kind === 'continue'
      ? { references: [], unused: [] }
      : await unlessInterrupted(signal, picturesAgain(origin, deps));
  const leading = settings.conversationModel ?? table.conversationDefault;
  return offerPlan(
    {
      verb: 'refine',
      prompt,
      model,
      conversation: start.kind === 'edit' ? null : { model: leading, previousResponseId: start.previousId },
      parameters,
      ...pictures,
      rememberedTokens: start.kind === 'continue' ? rememberedTokens(origin.line) : 0,
      parent: origin.parent,
      rigid: false,
      notices: [],
      allowedPrivate,
      textFor: (references) => composeText(prompt, references, raw),
    },
    deps,
  );
}

/** How a refinement reaches the model. */
type Start =
  /** The conversation continues: nothing is sent but the prompt. */
  | { readonly kind: 'continue'; readonly previousId: string }
  /** A conversation begins with the picture and its references. */
  | { readonly kind: 'new'; readonly previousId: null }
  /** A single edit of the picture, with its references. */
  | { readonly kind: 'edit' };

/** Azure keeps image deployments and conversations apart, so there every refinement is an edit. Pure. */
function startFrom(lineage: Lineage, endpoint: EndpointKind, stateless: boolean): Start {
  if (stateless || endpoint === 'azure') return { kind: 'edit' };
  const previousId = lineage.responseIds.at(-1);
  // Another server does not know the conversation; the id would only tell it that there was one.
  if (previousId === undefined || lineage.endpoint !== endpoint) return { kind: 'new', previousId: null };
  return { kind: 'continue', previousId };
}

/** The picture to change, and the photos it was made from. */
interface Origin {
  readonly parent: NonNullable<Plan['parent']>;
  /** The picture with its lineage, and those that it was made from, the nearest first. */
  readonly line: readonly Found[];
  /** Photos of the nearest request that sent any, and the folder their paths count from. */
  readonly photos: readonly LineageReference[];
  readonly folder: string;
}

/** @throws UserError `picture_gone` */
async function originOf(found: Found): Promise<Origin> {
  const { picture, lineage } = found;
  if (picture === null) {
    throw new UserError('picture_gone', `The picture of ${found.file} is gone, or was changed since.`, {
      hint: 'Make it again: curate replay LINEAGE-FILE',
    });
  }
  const line = await ancestorsOf(found);
  const photosOf = ({ lineage: { references } }: Found): LineageReference[] =>
    references.filter(({ role }) => role !== 'picture');
  const source = line.find((ancestor) => photosOf(ancestor).length > 0);
  return {
    // Pictures move together with their folder: they know each other by where they lie in it.
    parent: { file: picture, given: 'relative', sha256: lineage.picture.sha256 },
    line,
    photos: source === undefined ? [] : photosOf(source),
    folder: dirname(source?.file ?? found.file),
  };
}

/** The picture and its photos, made ready again; photos that are gone or were changed are left out, with the reason. */
async function picturesAgain(
  origin: Origin,
  { render, signal }: Pick<OfferDeps, 'render' | 'signal'>,
): Promise<Pick<Plan, 'references' | 'unused'>> {
  const { parent, photos, folder } = origin;
  const picture = await prepareReference(render, parent.file);
  if (picture.kind === 'fault') {
    throw new UserError('picture_gone', `The picture ${parent.file} ${picture.fault.reason}.`);
  }
  const { reference } = picture;
  const references: PlannedReference[] = [
    { reference, role: 'picture', score: null, reason: 'the picture to change', given: parent.given },
  ];
  const unused: Unused[] = [];
  for (const { path, role, score, reason, sha256 } of photos) {
    demandUninterrupted(signal);
    const { file, given } = resolveStored(path, folder);
    const prepared = await prepareReference(render, file);
    if (prepared.kind === 'fault') unused.push({ file, score, reason: `it ${prepared.fault.reason}` });
    else if (prepared.reference.sha256 !== sha256) unused.push({ file, score, reason: 'changed since' });
    else if (references.length === MOST_PICTURES) unused.push({ file, score, reason: 'no place left' });
    else references.push({ reference: prepared.reference, role, score, reason, given });
  }
  return { references, unused };
}
