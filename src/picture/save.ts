import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import { sha256 } from '../files/hash.ts';
import { version } from '../version.ts';
import { actualCost } from './cost/cost.ts';
import { conversationPrices, readImageModels } from './image-models/image-models.ts';
import { apiParameters } from './image-models/parameters.ts';
import { type Lineage, type LineageReference, storedPath } from './lineage/lineage.ts';
import type { Offer } from './offer.ts';
import type { IncompleteReply } from './openai/incomplete.ts';
import { decodeReturned, formatOf } from './openai/returned.ts';
import type { Outlet } from './outlet.ts';
import type { PlannedReference } from './plan.ts';
import type { PictureFormat, PictureReply } from './port.ts';

/** A picture on the disk. */
export interface SavedPicture {
  readonly path: string;
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** Its lineage file. */
  readonly lineage: string;
}

interface Returned {
  readonly reply: PictureReply;
  readonly started: Date;
  readonly finished: Date;
}

/** Writes every picture with its lineage; what came back is written as it came. */
export async function saveReply(
  outlet: Outlet,
  offer: Offer,
  { reply, started, finished }: Returned,
  onSaved: (picture: SavedPicture, format: PictureFormat) => void,
): Promise<{ readonly pictures: readonly SavedPicture[]; readonly actualUsd: number | null }> {
  const { model, conversation } = offer;
  const prices = conversation === null ? null : conversationPrices(await readImageModels(), conversation.model);
  const actualUsd = actualCost(reply.usage, { model: model.entry, conversation: prices });
  const request = {
    id: randomUUID(),
    started: started.toISOString(),
    seconds: (finished.getTime() - started.getTime()) / 1000,
  };
  const pictures: SavedPicture[] = [];
  for (const [index, bytes] of reply.pictures.entries()) {
    const size = await decodeReturned(bytes);
    const format = formatOf(bytes);
    if ('fault' in size || format === null) throw new Error('a picture was believed that does not decode');
    const facts = { sha256: sha256(bytes), bytes: bytes.length, width: size.width, height: size.height };
    const common = { offer, reply, request, actualUsd, created: finished, folder: outlet.folder };
    const written = await outlet.picture(bytes, { index, n: reply.pictures.length, format }, (file) => {
      const lineage = lineageOf({ ...common, picture: { path: basename(file), ...facts } });
      return `${JSON.stringify(lineage, null, 2)}\n`;
    });
    const picture = { path: written.file, lineage: written.lineage, ...facts };
    pictures.push(picture);
    onSaved(picture, format);
  }
  return { pictures, actualUsd };
}

interface LineageFacts {
  readonly offer: Offer;
  readonly reply: PictureReply;
  readonly request: Lineage['request'];
  readonly actualUsd: number | null;
  readonly created: Date;
  readonly folder: string;
  readonly picture: Lineage['picture'];
}

function lineageOf({ offer, reply, request, actualUsd, created, folder, picture }: LineageFacts): Lineage {
  const { parent, conversation } = offer;
  return {
    schema: 'curate.lineage/1',
    created: created.toISOString(),
    curate: version(),
    verb: offer.verb,
    prompt: offer.prompt,
    text: offer.text,
    model: offer.model.id,
    endpoint: offer.endpoint,
    api: conversation === null ? 'images.edit' : 'responses',
    conversationModel: conversation?.model ?? null,
    previousResponseId: conversation?.previousResponseId ?? null,
    parameters: apiParameters(offer.parameters),
    references: offer.references.map((planned) => referenceOf(planned, folder)),
    parent: parent === null ? null : { path: storedPath(parent.file, parent.given, folder), sha256: parent.sha256 },
    request,
    requestIds: [...reply.requestIds],
    responseIds: reply.responseId === null ? [] : [reply.responseId],
    usage: (reply.usage ?? null) as Lineage['usage'],
    cost: { estimatedUsd: offer.estimate.usd, actualUsd },
    picture,
  };
}

function referenceOf({ reference, role, score, reason, given }: PlannedReference, folder: string): LineageReference {
  return {
    path: storedPath(reference.file, given, folder),
    role,
    sha256: reference.sha256,
    sentSha256: reference.sentSha256,
    sentBytes: reference.bytes.length,
    width: reference.width,
    height: reference.height,
    score,
    reason,
  };
}

/** Keeps what arrived of a broken reply beside the output, with the reason, and says so in the error. */
export async function keepArrived(
  outlet: Outlet,
  { verb, prompt, model }: Offer,
  failure: IncompleteReply,
  now: Date,
): Promise<UserError> {
  const { code, message, hint, kind, cause } = failure;
  const files: string[] = [];
  for (const [index, { ending, bytes }] of failure.arrived.entries()) {
    if (bytes.length > 0)
      files.push(await outlet.extra(`failed-${index + 1}`, ending === 'jpeg' ? 'jpg' : ending, bytes));
  }
  const record = {
    schema: 'curate.failed/1',
    created: now.toISOString(),
    verb,
    prompt,
    model: model.id,
    error: { code, message },
    arrived: files.map((file) => basename(file)),
  };
  const file = await outlet.extra('failed', 'json', `${JSON.stringify(record, null, 2)}\n`);
  const kept = files.length === 0 ? `The reason is kept in ${file}.` : `What arrived is kept beside ${file}.`;
  return new UserError(code, message, { hint: `${hint ?? ''} ${kept}`.trim(), kind, cause });
}
