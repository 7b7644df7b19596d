import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import { writeLine } from '../output/streams.ts';
import { actualCost } from '../picture/cost.ts';
import { decodeReturned, formatOf } from '../picture/decode.ts';
import type { IncompleteReply } from '../picture/failure.ts';
import { sha256 } from '../picture/hash.ts';
import { readImageModels } from '../picture/image-models.ts';
import { type Lineage, type LineageReference, storedPath } from '../picture/lineage.ts';
import type { Outlet } from '../picture/outlet.ts';
import { apiParameters } from '../picture/parameters.ts';
import type { PlannedReference } from '../picture/plan.ts';
import type { EndpointKind, PictureReply } from '../picture/port.ts';
import { version } from '../version.ts';
import type { World } from '../world.ts';
import { type Agreed, conversationPrices } from './comic-agree.ts';

/** A picture on the disk. */
export interface Saved {
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
  readonly endpoint: EndpointKind;
}

interface Place {
  readonly world: World;
  readonly outlet: Outlet;
}

/** Writes every picture with its lineage; what came back is written as it came. */
export async function saveReply(
  { world, outlet }: Place,
  agreed: Agreed,
  { reply, started, endpoint }: Returned,
): Promise<{ readonly saved: readonly Saved[]; readonly actualUsd: number | null }> {
  const finished = world.now();
  const { model } = agreed.plan;
  const conversation = conversationPrices(await readImageModels(), agreed.plan)?.prices ?? null;
  const actualUsd = actualCost(reply.usage, { model: model.entry, conversation });
  const request = {
    id: randomUUID(),
    started: started.toISOString(),
    seconds: (finished.getTime() - started.getTime()) / 1000,
  };
  const saved: Saved[] = [];
  for (const [index, bytes] of reply.pictures.entries()) {
    const size = await decodeReturned(bytes);
    const format = formatOf(bytes);
    if ('fault' in size || format === null) throw new Error('a picture was believed that does not decode');
    const facts = { sha256: sha256(bytes), bytes: bytes.length, width: size.width, height: size.height };
    const common = { agreed, reply, endpoint, request, actualUsd, created: finished, folder: outlet.folder };
    const written = await outlet.picture(bytes, { index, n: reply.pictures.length, format }, (file) => {
      const lineage = lineageOf({ ...common, picture: { path: basename(file), ...facts } });
      return `${JSON.stringify(lineage, null, 2)}\n`;
    });
    saved.push({ path: written.file, lineage: written.lineage, ...facts });
    if (format !== outlet.format) {
      writeLine(
        world.stderr,
        `${written.file} is a ${format.toUpperCase()}, although ${outlet.format.toUpperCase()} was asked for.`,
      );
    }
  }
  return { saved, actualUsd };
}

interface LineageFacts {
  readonly agreed: Agreed;
  readonly reply: PictureReply;
  readonly endpoint: EndpointKind;
  readonly request: Lineage['request'];
  readonly actualUsd: number | null;
  readonly created: Date;
  readonly folder: string;
  readonly picture: Lineage['picture'];
}

function lineageOf({ agreed, reply, endpoint, request, actualUsd, created, folder, picture }: LineageFacts): Lineage {
  const { plan, fitted, text, parameters, references } = agreed;
  const { parent, conversation } = plan;
  return {
    schema: 'curate.lineage/1',
    created: created.toISOString(),
    curate: version(),
    verb: plan.verb,
    prompt: plan.prompt,
    text,
    model: plan.model.id,
    endpoint,
    api: conversation === null ? 'images.edit' : 'responses',
    conversationModel: conversation?.model ?? null,
    previousResponseId: conversation?.previousResponseId ?? null,
    parameters: apiParameters(parameters),
    references: references.map((planned) => referenceOf(planned, folder)),
    parent: parent === null ? null : { path: storedPath(parent.file, parent.given, folder), sha256: parent.sha256 },
    request,
    requestIds: [...reply.requestIds],
    responseIds: reply.responseId === null ? [] : [reply.responseId],
    usage: (reply.usage ?? null) as Lineage['usage'],
    cost: { estimatedUsd: fitted.estimate.usd, actualUsd },
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
  { world, outlet }: Place,
  { plan }: Agreed,
  failure: IncompleteReply,
): Promise<UserError> {
  const { code, message, hint, kind, cause } = failure;
  const files: string[] = [];
  for (const [index, { ending, bytes }] of failure.arrived.entries()) {
    if (bytes.length > 0)
      files.push(await outlet.extra(`failed-${index + 1}`, ending === 'jpeg' ? 'jpg' : ending, bytes));
  }
  const record = {
    schema: 'curate.failed/1',
    created: world.now().toISOString(),
    verb: plan.verb,
    prompt: plan.prompt,
    model: plan.model.id,
    error: { code, message },
    arrived: files.map((file) => basename(file)),
  };
  const file = await outlet.extra('failed', 'json', `${JSON.stringify(record, null, 2)}\n`);
  const kept = files.length === 0 ? `The reason is kept in ${file}.` : `What arrived is kept beside ${file}.`;
  return new UserError(code, message, { hint: `${hint ?? ''} ${kept}`.trim(), kind, cause });
}
