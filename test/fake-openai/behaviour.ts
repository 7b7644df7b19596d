import { Refusal } from './refusal.ts';

/** What the server does with one request instead of simply answering it. */
export type Behaviour =
  | { readonly kind: 'delay'; readonly ms: number }
  /** Never answers. */
  | { readonly kind: 'stall' }
  /** Sends half of the answer, then breaks the connection. */
  | { readonly kind: 'cut' }
  /** Reads the request, and breaks the connection without a word. */
  | { readonly kind: 'hang-up' }
  /** Streams all but the last event, and then breaks the connection. */
  | { readonly kind: 'cut-late' }
  /** Streams the partial pictures and then ends as if all were well. */
  | { readonly kind: 'cut-stream' }
  /** Answers a web page with status 200. */
  | { readonly kind: 'html' }
  /** Answers bytes that are no picture. */
  | { readonly kind: 'bad-picture' }
  | { readonly kind: 'in-words' }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  /** Changes the answer before it is sent: what servers that only speak the protocol make of it. */
  | { readonly kind: 'twist'; readonly twist: (reply: Record<string, unknown>) => unknown }
  /** What stands between: a proxy's own page. */
  | { readonly kind: 'page'; readonly status: number; readonly html: string };

type Kind =
  | 'rate-limit'
  | 'overloaded'
  | 'moderation'
  | 'wrong-key'
  | 'not-verified'
  | 'no-credit'
  | 'billing-limit'
  | 'model-gone'
  | 'server';

/** The refusals that the API is known to give. `echo` stands in the message: servers have been seen to repeat keys. */
export function refuse(kind: Kind, { retryAfter, echo = '' }: { retryAfter?: string; echo?: string } = {}): Behaviour {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
  const made: Record<Kind, () => Refusal> = {
    'rate-limit': () =>
      new Refusal(
        429,
        { message: `Rate limit reached for images. ${echo}`, type: 'images', code: 'rate_limit_exceeded' },
        headers,
      ),
    overloaded: () =>
      new Refusal(503, { message: 'The engine is currently overloaded.', type: 'server_error' }, headers),
    moderation: () =>
      new Refusal(400, {
        message: 'Your request was rejected by the safety system.',
        type: 'image_generation_user_error',
        code: 'moderation_blocked',
        moderation_details: { moderation_stage: 'input', categories: ['violence', 'hate'] },
      }),
    'wrong-key': () => new Refusal(401, { message: `Incorrect API key provided: ${echo}.`, code: 'invalid_api_key' }),
    'not-verified': () =>
      new Refusal(403, {
        message: 'Your organization must be verified to use the model `gpt-image-2`. Please go to the settings.',
      }),
    'no-credit': () =>
      new Refusal(
        429,
        { message: 'You exceeded your current quota.', type: 'insufficient_quota', code: 'insufficient_quota' },
        headers,
      ),
    'billing-limit': () =>
      new Refusal(400, {
        message: 'Billing hard limit has been reached',
        type: 'image_generation_user_error',
        code: 'billing_hard_limit_reached',
      }),
    'model-gone': () =>
      new Refusal(404, {
        message: "The model 'gpt-image-2' does not exist or you do not have access to it.",
        code: 'model_not_found',
      }),
    server: () => new Refusal(500, { message: `The server had an error. ${echo}`, type: 'server_error' }),
  };
  return { kind: 'refuse', refusal: made[kind]() };
}
