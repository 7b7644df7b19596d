import type { APIError } from 'openai';
import { UserError } from '../../errors.ts';
import type { EndpointKind } from '../port.ts';
import { endpointName } from './endpoint.ts';
import { type Arrived, IncompleteReply, redact } from './incomplete.ts';
import { moderationOf } from './moderation.ts';
import { comeBackIn, LONGEST_WAIT_S } from './retry.ts';

interface Answered {
  readonly endpoint: EndpointKind;
  readonly arrived: readonly Arrived[];
  readonly requestIds: readonly string[];
  readonly secrets: readonly string[];
  readonly now: Date;
}

interface Explained {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Whether the model may have worked all the same. */
  readonly mayBeBilled?: boolean;
}

/** What an answer of the API means, in a sentence and a next step. */
export function refused(error: APIError, at: Answered): UserError {
  const said = tell(String((error.error as { message?: unknown } | undefined)?.message ?? error.message), at);
  const { code, message, hint, mayBeBilled = false } = kindOf(error, said, at);
  const request = error.requestID == null ? '' : ` (request ${tell(error.requestID, at)})`;
  const { arrived } = at;
  if (!mayBeBilled && arrived.length === 0) return new UserError(code, `${message}${request}`, { hint });
  const requestIds = error.requestID == null ? at.requestIds : [tell(error.requestID, at)];
  return new IncompleteReply(code, `${message}${request}`, { hint, arrived, requestIds, cause: error });
}

function kindOf(error: APIError, said: string, at: Answered): Explained {
  const code = `${error.code ?? ''}`;
  const server = at.endpoint === 'compatible' ? 'The server' : endpointName(at.endpoint);
  if (/moderation|content_policy|content_filter/.test(code) || /safety system/i.test(said)) {
    const why = tell(moderationOf(error.error, said), at);
    return {
      code: 'moderation',
      message: `Moderation blocked the request${why === '' ? '' : ` (${why})`}.`,
      hint: 'The same request is blocked again: change the prompt, or leave a photo out.',
    };
  }
  if (/insufficient_quota|billing/.test(`${code} ${error.type ?? ''}`)) {
    return {
      code: 'no_credit',
      message: `${server} says that there is no credit left, or that the spending limit is reached.`,
      hint: 'Add credit or raise the limit in your account; waiting does not help.',
    };
  }
  if (code === 'previous_response_not_found' || error.param === 'previous_response_id') {
    return {
      code: 'conversation_forgotten',
      message: `${server} does not know this conversation (any more).`,
      hint: 'Start a new one from the picture: curate refine PICTURE --stateless "PROMPT"',
    };
  }
  switch (error.status) {
    case 401:
      return {
        code: 'wrong_key',
        message: `${server} does not accept the API key.`,
        hint: `Check ${at.endpoint === 'azure' ? 'AZURE_OPENAI_API_KEY' : 'OPENAI_API_KEY'}, in the environment and in .env.`,
      };
    case 403:
      return /verif/i.test(said)
        ? {
            code: 'not_verified',
            message: `${server} makes pictures only for verified organisations, and yours is not verified yet.`,
            hint: 'Verify it under Settings > Organization > General, then wait a quarter of an hour.',
          }
        : { code: 'forbidden', message: `${server} does not allow this: ${said}`, hint: 'Check what the key may do.' };
    case 404:
      return notFound(code, said, server);
    case 413:
      return tooLarge(said);
    case 429:
      return rateLimit(error, server, at);
    default:
      return error.status === 503 && comeBackIn(error, at.now) !== null
        ? rateLimit(error, server, at)
        : byMessage(error, said, server, at);
  }
}

function notFound(code: string, said: string, server: string): Explained {
  if (/model|deployment/i.test(`${code} ${said}`)) {
    return {
      code: 'model_gone',
      message: `${server} does not have this model (any more), or not for this key: ${said}`,
      hint: 'See in your account which models the key may use, and name one: CURATE_IMAGE_MODEL, or --image-model of comic and refine.',
    };
  }
  return {
    code: 'no_such_address',
    message: `${server} has nothing at this address: ${said}`,
    hint: 'Check OPENAI_BASE_URL (it usually ends in /v1) or the Azure deployment; a server without the Responses API needs "curate refine --stateless".',
  };
}

function rateLimit(error: APIError, server: string, { now }: Answered): Explained {
  const seconds = comeBackIn(error, now);
  const [code, what] =
    error.status === 503 ? ['overloaded', 'is overloaded'] : ['rate_limit', 'is limiting the rate of requests'];
  return { code, message: `${server} ${what}; nothing was made.`, hint: whenAgain(seconds) };
}

function whenAgain(seconds: number | null): string {
  if (seconds === null) return 'Wait a minute and try again.';
  const minutes = Math.ceil(seconds / 60);
  if (minutes > 120) return `Try again in ${Math.ceil(minutes / 60)} hours.`;
  if (seconds > LONGEST_WAIT_S) return `Try again in ${minutes} minutes.`;
  return `Try again in ${Math.max(1, Math.ceil(seconds))} s, or let curate wait: --retries 3`;
}

function tooLarge(said: string): Explained {
  return {
    code: 'too_large',
    message: `The photos are too many or too large for the server: ${said}`,
    hint: 'Send fewer photos.',
  };
}

function byMessage(error: APIError, said: string, server: string, at: Answered): Explained {
  const about = `${error.code ?? ''} ${error.type ?? ''} ${error.param ?? ''} ${said}`;
  if ((error.status ?? 0) >= 500 || /server_error/.test(about)) {
    return {
      code: 'server',
      message: `${server} failed${error.status === undefined ? '' : ` (status ${error.status})`}: ${said}`,
      hint: 'The request may have been billed: see your usage before you try again.',
      mayBeBilled: true,
    };
  }
  if ((error.status ?? 0) >= 300 && (error.status ?? 0) < 400) {
    return {
      code: 'redirected',
      message: `${server} wants the request sent elsewhere; curate does not follow.`,
      hint: 'Set OPENAI_BASE_URL to the final address.',
    };
  }
  if (/rate_limit/.test(about)) return rateLimit(error, server, at);
  if (/too_large|too_many|too large|too many|maximum.*(image|file)|(image|file).*(exceed|maximum)/i.test(about)) {
    return tooLarge(said);
  }
  if (/\bsize\b/i.test(about)) {
    return {
      code: 'bad_size',
      message: `The size was refused: ${said}`,
      hint: 'Choose another, or leave it to the model: auto.',
    };
  }
  return {
    code: 'bad_request',
    message: `${server} refused the request: ${said}`,
    hint: 'Nothing was made; change what it names.',
  };
}

/** A server's words: one line, no secrets, not endless; of a web page its title, or else its text. */
export function tell(text: string, { secrets }: Pick<Answered, 'secrets'>): string {
  const page = /<(!doctype|html|head|body|h1)\b/i.test(text);
  const title = /<title>([^<]+)<\/title>/i.exec(text)?.[1];
  const words = page ? (title ?? text.replace(/<[^>]*>/g, ' ')) : text;
  const line = redact(words, secrets)
    .trim()
    .replace(/^\d{3} /, '')
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
