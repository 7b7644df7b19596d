import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { imageTokens } from './cost.ts';
import { type Lineage, type LineageReference, resolveStored } from './lineage.ts';
import { ancestorsOf, type Found } from './lineage-files.ts';
import type { Plan, PlannedReference } from './plan.ts';
import type { EndpointKind } from './port.ts';
import { prepareReference } from './references.ts';

/** How a refinement reaches the model. */
export type Start =
  /** The conversation goes on: nothing is sent but the prompt. */
  | { readonly kind: 'going-on'; readonly previousId: string }
  /** A conversation begins with the picture and its references. */
  | { readonly kind: 'anew'; readonly previousId: null }
  /** A single edit of the picture, with its references. */
  | { readonly kind: 'edit' };

/** Azure keeps image deployments and conversations apart, so there every refinement is an edit. Pure. */
export function startFrom(lineage: Lineage, endpoint: EndpointKind, stateless: boolean): Start {
  if (stateless || endpoint === 'azure') return { kind: 'edit' };
  const previousId = lineage.responseIds.at(-1);
  // Another server does not know the conversation; the id would only tell it that there was one.
  if (previousId === undefined || lineage.endpoint !== endpoint) return { kind: 'anew', previousId: null };
  return { kind: 'going-on', previousId };
}

/** The picture to go on from, and the photos it stems from. */
export interface Origin {
  readonly parent: NonNullable<Plan['parent']>;
  readonly pixels: { readonly width: number; readonly height: number };
  /** Photos of the nearest request that sent any, and the folder their paths count from. */
  readonly photos: readonly LineageReference[];
  readonly folder: string;
}

const MOST_PICTURES = 16;

/** @throws UserError `picture_gone` */
export async function originOf(found: Found): Promise<Origin> {
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
    pixels: lineage.picture,
    photos: source === undefined ? [] : photosOf(source),
    folder: dirname(source?.file ?? found.file),
  };
}

/** The picture and its photos, made ready again; photos that are gone or were changed are left out, with the reason. */
export async function picturesAgain(origin: Origin): Promise<{
  readonly references: readonly PlannedReference[];
  readonly unused: readonly { readonly file: string; readonly score: number | null; readonly reason: string }[];
}> {
  const { parent, photos, folder } = origin;
  const picture = await prepareReference(parent.file);
  if (picture.kind === 'fault') {
    throw new UserError('picture_gone', `The picture ${parent.file} ${picture.fault.reason}.`);
  }
  const { reference } = picture;
  const references: PlannedReference[] = [
    { reference, role: 'picture', score: null, reason: 'the picture to change', given: parent.given },
  ];
  const unused: { file: string; score: number | null; reason: string }[] = [];
  for (const { path, role, score, reason, sha256 } of photos) {
    const { file, given } = resolveStored(path, folder);
    const prepared = await prepareReference(file);
    if (prepared.kind === 'fault') unused.push({ file, score, reason: `it ${prepared.fault.reason}` });
    else if (prepared.reference.sha256 !== sha256) unused.push({ file, score, reason: 'changed since' });
    else if (references.length === MOST_PICTURES) unused.push({ file, score, reason: 'no place left' });
    else references.push({ reference: prepared.reference, role, score, reason, given });
  }
  return { references, unused };
}

/** About how many tokens the pictures take that stand in the conversation. */
export function rememberedTokens({ pixels, photos }: Origin): number {
  return [pixels, ...photos].reduce((sum, { width, height }) => sum + imageTokens(width, height), 0);
}
