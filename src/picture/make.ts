import { UserError } from '../errors.ts';
import type { Session } from '../library/session.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import { demandAllPublic, type Offer } from './offer.ts';
import { endpointOf } from './openai/endpoint.ts';
import { IncompleteReply } from './openai/incomplete.ts';
import { formatOf } from './openai/returned.ts';
import type { Outlet } from './outlet.ts';
import { sentName } from './plan.ts';
import type { ImageModel, PictureFormat, PictureReply, SendOptions } from './port.ts';
import { keepArrived, type SavedPicture, saveReply } from './save.ts';

/** What making a picture reports while it goes; whoever shows it handles every kind. */
export type MakeEvent =
  /** The server refused for now; it is asked again after so many seconds. */
  | { readonly kind: 'waiting'; readonly seconds: number }
  /** A picture in the making, with its number from 0, and the file it was written to. */
  | { readonly kind: 'partial'; readonly index: number; readonly file: string; readonly bytes: Uint8Array }
  /** `format` is what came, `asked` what was asked for. */
  | {
      readonly kind: 'saved';
      readonly picture: SavedPicture;
      readonly format: PictureFormat;
      readonly asked: PictureFormat;
    };

export interface MakeDeps {
  readonly world: Pick<World, 'home' | 'now' | 'env'>;
  readonly settings: Settings;
  readonly session: Pick<Session, 'store'>;
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
}

/** The server does not know the conversation any more: nothing was made, and another offer has to be agreed to. */
export interface Forgotten {
  readonly kind: 'forgotten';
  readonly reason: string;
}

/**
 * Sends an offer that was agreed to, and writes what comes back: every picture whole, with its lineage.
 * @throws UserError `private` when a rule has changed since the offer, `no_key`, and what the server answers
 */
export async function make(offer: Offer, deps: MakeDeps, options: MakeOptions): Promise<Made | Forgotten> {
  const { world, settings, outlet } = deps;
  await demandAllPublic(offer, deps);
  const { OpenAiImageModel } = await import('./openai/image-model.ts');
  const model = new OpenAiImageModel({ endpoint: endpointOf(settings), settings, world });
  const started = world.now();
  try {
    const reply = await send(model, offer, sendOptions(outlet, options));
    const returned = { reply, started, finished: world.now() };
    const { pictures, actualUsd } = await saveReply(outlet, offer, returned, (picture, format) =>
      options.onEvent({ kind: 'saved', picture, format, asked: outlet.format }),
    );
    return { kind: 'made', offer, pictures, usage: reply.usage, actualUsd };
  } catch (error) {
    if (error instanceof IncompleteReply) throw await keepArrived(outlet, offer, error, world.now());
    // A replay is the very request, or none.
    const forgotten = error instanceof UserError && error.code === 'conversation_forgotten' && offer.verb === 'refine';
    if (forgotten) return { kind: 'forgotten', reason: error.message };
    throw error;
  }
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
    onWait: (seconds) => onEvent({ kind: 'waiting', seconds }),
    onPartial: async (bytes, index) => {
      const format = formatOf(bytes);
      const file = await outlet.extra(`partial-${index + 1}`, format === 'jpeg' ? 'jpg' : (format ?? 'bin'), bytes);
      onEvent({ kind: 'partial', index, file, bytes });
    },
  };
}
