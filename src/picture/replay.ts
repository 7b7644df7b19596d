import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import type { ChosenModel } from './image-models.ts';
import { type Lineage, resolveStored } from './lineage.ts';
import type { Found } from './lineage-files.ts';
import type { Plan, PlannedReference } from './plan.ts';
import type { Parameters } from './port.ts';
import { prepareReference } from './references.ts';

/**
 * The very request that a lineage file tells of. @throws UserError `reference_changed` when one of its photos is gone,
 * changed, or would be sent as other bytes
 */
export async function planReplay({ file, lineage }: Found, model: ChosenModel): Promise<Plan> {
  const folder = dirname(file);
  const references: PlannedReference[] = [];
  for (const reference of lineage.references) references.push(await sameAgain(reference, folder));
  const { conversationModel, previousResponseId, parent } = lineage;
  const { file: parentFile, given } = resolveStored(parent?.path ?? '', folder);
  return {
    verb: 'replay',
    prompt: lineage.prompt,
    model,
    conversation: conversationModel === null ? null : { model: conversationModel, previousResponseId },
    parameters: parametersOf(lineage.parameters),
    references,
    rememberedTokens: 0,
    parent: parent === null ? null : { file: parentFile, given, sha256: parent.sha256 },
    textFor: () => lineage.text,
  };
}

async function sameAgain(before: Lineage['references'][number], folder: string): Promise<PlannedReference> {
  const { file, given } = resolveStored(before.path, folder);
  const prepared = await prepareReference(file);
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

function parametersOf({
  output_format,
  complexity,
  background,
  partial_images,
  ...rest
}: Lineage['parameters']): Parameters {
  const { size, quality, n } = rest;
  return {
    size,
    quality,
    complexity: complexity ?? null,
    n,
    format: output_format,
    background: background ?? null,
    partialImages: partial_images ?? null,
  };
}
