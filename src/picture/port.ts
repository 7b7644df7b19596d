import type { Arrived } from './openai/incomplete.ts';

/** Where a request goes: OpenAI itself, Azure's OpenAI service, or a server that speaks the same protocol. */
export type EndpointKind = 'openai' | 'azure' | 'compatible';

export type PictureFormat = 'png' | 'jpeg' | 'webp';
export type Background = 'transparent' | 'opaque' | 'auto';

/** From the quickest to the finest. */
export const QUALITIES = ['low', 'medium', 'high', 'xhigh', 'max'] as const;
export const COMPLEXITIES = ['low', 'medium', 'high'] as const;
export type Quality = (typeof QUALITIES)[number] | 'auto';
export type Complexity = (typeof COMPLEXITIES)[number];

/** What one request can carry: images.edit takes 1 to 16 pictures. */
export const MOST_PICTURES = 16;

/** A picture as it is sent: a JPEG under a name that says nothing of the original's. */
export interface SentPicture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Parameters as the API names their values. */
export interface Parameters {
  readonly size: string;
  readonly quality: Quality;
  /** Null leaves it to the model. */
  readonly complexity: Complexity | null;
  readonly n: number;
  readonly format: PictureFormat;
  readonly background: Background | null;
  /** Partial pictures to stream, 1 to 3; null does not stream. */
  readonly partialImages: number | null;
}

export interface PictureRequest {
  readonly model: string;
  readonly text: string;
  readonly pictures: readonly SentPicture[];
  readonly parameters: Parameters;
}

/** A turn of a conversation about a picture. */
export interface TurnRequest extends PictureRequest {
  /** The model that leads the conversation and calls the image model. */
  readonly conversationModel: string;
  /** The turn before; null starts a new conversation. */
  readonly previousResponseId: string | null;
}

export interface PictureReply {
  /** At least one: whole, decodable, in the format that their bytes say. */
  readonly pictures: readonly Uint8Array[];
  /** What is missing of the pictures that were asked for, as a sentence, and what came in their place. */
  readonly shortfall: { readonly said: string; readonly damaged: readonly Arrived[] } | null;
  /** As the API reports it; null when it does not. */
  readonly usage: unknown;
  /** Whether the usage is a sum that may count the same several times. */
  readonly isUsageDoubtful: boolean;
  readonly requestIds: readonly string[];
  /** Continues the conversation; null for single requests. */
  readonly responseId: string | null;
}

export interface SendOptions {
  /** How often a request may be repeated that was refused before any processing. */
  readonly retries: number;
  readonly timeoutMs: number;
  readonly interrupted: AbortSignal;
  /** A connection stands and the request goes out: from now on it may be billed. */
  onSent(): void;
  /** A picture in the making, with its number from 0. Should it fail, the reply is read all the same. */
  onPartial(bytes: Uint8Array, index: number): Promise<void>;
  onWait(seconds: number): void;
}

/** Makes pictures. Every failure is a UserError; one that may be billed is an `IncompleteReply`. */
export interface ImageModel {
  readonly endpoint: EndpointKind;
  /** A picture from pictures and a text. */
  edit(request: PictureRequest, options: SendOptions): Promise<PictureReply>;
  /** The same as a turn of a conversation that can be continued. */
  turn(request: TurnRequest, options: SendOptions): Promise<PictureReply>;
}
