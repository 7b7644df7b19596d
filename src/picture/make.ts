import { randomUUID } from 'node:crypto';
import { interruptedError, UserError } from '../errors.ts';
import type { Session } from '../library/session.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import { noteSeenTokens } from './cost/seen-tokens.ts';
import { demandAllPublic, type Offer } from './offer.ts';
import { endpointOf } from './openai/endpoint.ts';
import { IncompleteReply } from './openai/incomplete.ts';
import { formatOf } from './openai/returned.ts';
import type { Outlet } from './outlet.ts';
import { sentName } from './plan.ts';
import type { ImageModel, PictureFormat, PictureReply, SendOptions } from './port.ts';
import { keepFailure, noteRequest, type SavedPicture, saveReply } from './save.ts';

/** What making a picture reports while it goes; whoever shows it handles every kind. */
export type MakeEvent =
  /** A connection stands and the request is on its way: what is awaited now may be billed. */
  | { readonly kind: 'sent' }
  /** The server refused for now; it is asked again after so many seconds. */
  | { readonly kind: 'waiting'; readonly seconds: number }
  /** A picture in the making, with its number from 0, and the file it was written to; null when it could not be. */
  | { readonly kind: 'partial'; readonly index: number; readonly file: string | null; readonly bytes: Uint8Array }
  /** `format` is what came, `asked` what was asked for, `size` the pixels that were asked for, or auto. */
  | {
      readonly kind: 'saved';
      readonly picture: SavedPicture;
      readonly format: PictureFormat;
      readonly asked: PictureFormat;
      readonly size: string;
    };

export interface MakeDeps {
  readonly world: Pick<World, 'home' | 'now' | 'env'>;
  readonly settings: Settings;
  readonly session: Session;
  readonly outlet: Outlet;
}

export interface MakeOptions {
  /** How often a request may be repeated that was refused before any processing. */
  readonly retries: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: MakeEvent) => void;
}

export interface Made {
  readonly kind: 'made';
  readonly offer: Offer;
  readonly pictures: readonly SavedPicture[];
  /** As the API reports it; null when it does not. */
  readonly usage: unknown;
  readonly actualUsd: number | null;
  /** Whether the cost may count the same usage several times. */
  readonly isCostDoubtful: boolean;
  /** What is missing of the pictures that were asked for, as a sentence, and the files that hold what came damaged. */
  readonly shortfall: { readonly said: string; readonly kept: readonly string[] } | null;
}

/** The server does not know the conversation any more: nothing was made, and another offer has to be agreed to. */
export interface Forgotten {
  readonly kind: 'forgotten';
  readonly reason: string;
}

/**
 * Sends an offer that was agreed to, and writes what comes back: every picture whole, with its lineage; and of a request
 * that brought none, but may be billed, a record. While a reply is awaited such a record is there, too.
 * @throws UserError `private` when a rule has changed since the offer, `no_key`, and what the server answers
 */
export async function make(offer: Offer, deps: MakeDeps, options: MakeOptions): Promise<Made | Forgotten> {
  const { world, settings, outlet } = deps;
  await demandAllPublic(offer, deps);
  const { OpenAiImageModel } = await import('./openai/image-model.ts');
  const model = new OpenAiImageModel({ endpoint: endpointOf(settings), settings, world });
  return outlet.during(async () => {
    const begun = { id: randomUUID(), started: world.now() };
    const forget = await noteRequest(outlet, offer, begun);
    let reply: PictureReply;
    try {
      reply = await send(model, offer, sendOptions(outlet, options));
    } catch (error) {
      const failed =
        error instanceof IncompleteReply
          ? await keepFailure(outlet, offer, { ...begun, failure: error, finished: world.now() })
          : null;
      await forget();
      if (failed !== null) throw failed;
      // A replay is the very request, or none.
      const isForgotten = error instanceof UserError && error.code === 'conversation_forgotten';
      if (isForgotten && offer.verb === 'refine') return { kind: 'forgotten', reason: error.message };
      throw error;
    }
    const returned = { ...begun, reply, finished: world.now() };
    const { size } = offer.parameters;
    let kept = 0;
    const onSaved = (picture: SavedPicture, format: PictureFormat): void => {
      kept += 1;
      options.onEvent({ kind: 'saved', picture, format, asked: outlet.format, size });
    };
    // The lineage of one picture tells of the whole request.
    const saved = await saveReply(outlet, offer, returned, onSaved).finally(() => (kept > 0 ? forget() : undefined));
    const { pictures, actualUsd, damaged } = saved;
    // A picture is worth more than the next estimate.
    await noteSeenTokens(settings.paths.data, offer.model.id, offer.parameters, {
      usage: reply.isUsageDoubtful ? null : reply.usage,
      pictures: pictures.length,
    }).catch(() => undefined);
    const shortfall = reply.shortfall === null ? null : { said: reply.shortfall.said, kept: damaged };
    if (shortfall !== null && options.signal.aborted) {
      throw interruptedError(`Interrupted. ${shortfall.said} Kept: ${pictures.map(({ path }) => path).join(', ')}.`);
    }
    const isCostDoubtful = reply.isUsageDoubtful && actualUsd !== null;
    return { kind: 'made', offer, pictures, usage: reply.usage, actualUsd, isCostDoubtful, shortfall };
  });
}

function send(
  model: ImageModel,
  { model: { id }, conversation, text, parameters, references }: Offer,
  options: SendOptions,
): Promise<PictureReply> {
  const pictures = references.map(({ reference }, i) => ({ name: sentName(i), bytes: reference.bytes }));
  const request = { model: id, text, pictures, parameters };
  if (conversation === null) return model.edit(request, options);
  const { model: conversationModel, previousResponseId } = conversation;
  return model.turn({ ...request, conversationModel, previousResponseId }, options);
}

function sendOptions(outlet: Outlet, { retries, timeoutMs, signal, onEvent }: MakeOptions): SendOptions {
  return {
    retries,
    timeoutMs,
    interrupted: signal,
    onSent: () => onEvent({ kind: 'sent' }),
    onWait: (seconds) => onEvent({ kind: 'waiting', seconds }),
    onPartial: async (bytes, index) => {
      const format = formatOf(bytes);
      const file = await outlet.partial(index, format === 'jpeg' ? 'jpg' : (format ?? 'bin'), bytes);
      onEvent({ kind: 'partial', index, file, bytes });
    },
  };
}
