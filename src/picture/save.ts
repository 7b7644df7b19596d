import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { sha256 } from '../files/hash.ts';
import { version } from '../version.ts';
import { actualCost } from './cost/cost.ts';
import { conversationPrices, readImageModels } from './image-models/image-models.ts';
import { apiParameters } from './image-models/parameters.ts';
import { type FailedRequest, type Lineage, type LineageReference, storedPath } from './lineage/lineage.ts';
import type { Offer } from './offer.ts';
import type { Arrived, IncompleteReply } from './openai/incomplete.ts';
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

/** A request that is about to be sent. */
export interface Begun {
  /** A UUID. */
  readonly id: string;
  readonly started: Date;
}

interface Returned extends Begun {
  readonly reply: PictureReply;
  readonly finished: Date;
}

interface Saved {
  readonly pictures: readonly SavedPicture[];
  readonly actualUsd: number | null;
  /** Files that hold what came damaged. */
  readonly damaged: readonly string[];
}

/**
 * Writes every picture with its lineage; what came back is written as it came. A picture that cannot be written where it
 * should is kept elsewhere, and one that can be kept nowhere takes none of the others with it.
 * @throws UserError `cannot_write`, when all that can be kept is kept, and says where
 */
export async function saveReply(
  outlet: Outlet,
  offer: Offer,
  { reply, finished, ...begun }: Returned,
  onSaved: (picture: SavedPicture, format: PictureFormat) => void,
): Promise<Saved> {
  const { model, conversation } = offer;
  const prices = conversation === null ? null : conversationPrices(await readImageModels(), conversation.model);
  const actualUsd = actualCost(reply.usage, { model: model.entry, conversation: prices });
  const about = { ...requestOf(offer, begun, finished), reply, actualUsd };
  const pictures: SavedPicture[] = [];
  let strayed: string | null = null;
  let lost: unknown = null;
  for (const [index, bytes] of reply.pictures.entries()) {
    const size = await decodeReturned(bytes);
    const format = formatOf(bytes);
    if ('fault' in size || format === null) throw new Error('a picture was believed that does not decode');
    const facts = { sha256: sha256(bytes), bytes: bytes.length, width: size.width, height: size.height };
    const place = { index, n: reply.pictures.length, format };
    const written = await outlet
      .picture(bytes, place, (file) => textOf(lineageOf(about, { path: basename(file), ...facts }, dirname(file))))
      .catch((error: unknown) => {
        lost ??= error;
        return null;
      });
    if (written === null) continue;
    strayed ??= written.strayed;
    const picture = { path: written.file, lineage: written.lineage, ...facts };
    pictures.push(picture);
    onSaved(picture, format);
  }
  const damaged = await keep(outlet, reply.shortfall?.damaged ?? []);
  if (lost !== null || strayed !== null) throw unsaved(lost, strayed, pictures, reply.pictures.length);
  return { pictures, actualUsd, damaged };
}

/** Says where pictures are that could not be written where they should, and how many could be kept nowhere. */
function unsaved(lost: unknown, strayed: string | null, kept: readonly SavedPicture[], n: number): unknown {
  if (lost !== null && !(lost instanceof UserError)) return lost;
  const message = strayed ?? (lost as UserError).message;
  const missing = n - kept.length;
  const where = kept.map(({ path }) => path).join(', ');
  const said = [
    ...(kept.length === 0 ? [] : [`What came back is kept, with its lineage and cost, as ${where}.`]),
    ...(missing === 0 ? [] : [`${missing} of ${n} pictures could be kept nowhere: make room.`]),
  ];
  return new UserError('cannot_write', message, { hint: said.join(' '), cause: lost });
}

/** What a lineage file and the record of a failed request have in common. */
interface Request {
  readonly offer: Offer;
  readonly request: Lineage['request'];
  readonly created: Date;
}

function requestOf(offer: Offer, { id, started }: Begun, finished: Date): Request {
  const seconds = (finished.getTime() - started.getTime()) / 1000;
  return { offer, request: { id, started: started.toISOString(), seconds }, created: finished };
}

/** @param folder of the file it is written to */
function aboutRequest({ offer, request, created }: Request, folder: string) {
  const { parent, conversation } = offer;
  return {
    created: created.toISOString(),
    curate: version(),
    verb: offer.verb,
    prompt: offer.prompt,
    text: offer.text,
    model: offer.model.id,
    endpoint: offer.endpoint,
    api: conversation === null ? ('images.edit' as const) : ('responses' as const),
    conversationModel: conversation?.model ?? null,
    previousResponseId: conversation?.previousResponseId ?? null,
    parameters: apiParameters(offer.parameters),
    references: offer.references.map((planned) => referenceOf(planned, folder)),
    parent: parent === null ? null : { path: storedPath(parent.file, parent.given, folder), sha256: parent.sha256 },
    request,
  };
}

function lineageOf(
  about: Request & { readonly reply: PictureReply; readonly actualUsd: number | null },
  picture: Lineage['picture'],
  folder: string,
): Lineage {
  const { reply, actualUsd, offer } = about;
  const doubtful = reply.isUsageDoubtful ? { doubtful: true as const } : {};
  return {
    schema: 'curate.lineage/1',
    ...aboutRequest(about, folder),
    requestIds: [...reply.requestIds],
    responseIds: reply.responseId === null ? [] : [reply.responseId],
    usage: (reply.usage ?? null) as Lineage['usage'],
    cost: { estimatedUsd: offer.estimate.usd, actualUsd, ...doubtful },
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

/** Keeps what arrived in place of a picture, each in a file of its own; what cannot be kept anywhere is left out. */
async function keep(outlet: Outlet, arrived: readonly Arrived[]): Promise<string[]> {
  const files: string[] = [];
  for (const [index, { ending, bytes }] of arrived.entries()) {
    if (bytes.length === 0) continue;
    const file = outlet.extra(`failed-${index + 1}`, ending === 'jpeg' ? 'jpg' : ending, bytes);
    files.push(
      ...(await file.then(
        (one) => [one],
        () => [],
      )),
    );
  }
  return files;
}

/**
 * Writes a record of a request before it is sent, so that one whose reply nobody lives to see is told of, too.
 * @returns what removes the record, once the request is told of otherwise, or was never billed
 */
export async function noteRequest(outlet: Outlet, offer: Offer, begun: Begun): Promise<() => Promise<void>> {
  const error = { code: 'unanswered', message: 'curate ended before the reply came, or still waits for it.' };
  const about = requestOf(offer, begun, begun.started);
  const file = await outlet.unanswered(textOf(failedOf(about, outlet.folder, { error }))).catch(() => null);
  return async () => {
    if (file !== null) await rm(file, { force: true }).catch(() => undefined);
  };
}

/**
 * Keeps a request that was sent and brought no picture: a record of it, for it may be billed, and what did arrive. Says
 * so in the error.
 */
export async function keepFailure(
  outlet: Outlet,
  offer: Offer,
  { failure, finished, ...begun }: Begun & { readonly failure: IncompleteReply; readonly finished: Date },
): Promise<UserError> {
  const { code, message, hint, kind, cause, requestIds } = failure;
  const files = await keep(outlet, failure.arrived);
  const record = failedOf(requestOf(offer, begun, finished), outlet.folder, {
    error: { code, message },
    requestIds: [...requestIds],
    arrived: files.map((file) => basename(file)),
  });
  const file = await outlet.extra('failed', 'json', textOf(record)).catch(() => null);
  return new UserError(code, message, { hint: `${hint ?? ''} ${keptAs(file, files)}`.trim(), kind, cause });
}

function failedOf(
  about: Request,
  folder: string,
  told: Pick<FailedRequest, 'error'> & Partial<Pick<FailedRequest, 'requestIds' | 'arrived'>>,
): FailedRequest {
  return {
    schema: 'curate.failed/1',
    ...aboutRequest(about, folder),
    requestIds: [],
    billing: 'may have been billed',
    cost: { estimatedUsd: about.offer.estimate.usd, actualUsd: null },
    arrived: [],
    ...told,
  };
}

function keptAs(record: string | null, files: readonly string[]): string {
  if (record !== null) {
    return files.length === 0 ? `The reason is kept in ${record}.` : `What arrived is kept beside ${record}.`;
  }
  return files.length === 0 ? 'No record of it could be written.' : `What arrived is kept as ${files.join(', ')}.`;
}

function textOf(record: Lineage | FailedRequest): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
