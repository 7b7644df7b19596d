import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { interruptedError, messageOf, UserError } from '../../errors.ts';
import type { EndpointKind } from '../port.ts';
import { endpointName } from './endpoint.ts';
import { type Arrived, IncompleteReply } from './incomplete.ts';
import { refused, tell } from './refusals.ts';

interface Circumstances {
  readonly endpoint: EndpointKind;
  readonly timedOut: boolean;
  readonly interrupted: boolean;
  /** Whether a connection stood and the request was on its way: what comes after may be billed. */
  readonly sent: boolean;
  readonly timeoutMs: number;
  readonly arrived: readonly Arrived[];
  readonly requestIds: readonly string[];
  readonly secrets: readonly string[];
  readonly now: Date;
}

/** What went wrong with a request, told apart by kind, in a sentence and a next step. No key is ever part of it. */
export function explain(error: unknown, at: Circumstances): unknown {
  if (at.interrupted) return interrupted(error, at);
  if (at.timedOut || error instanceof APIConnectionTimeoutError) return timedOut(error, at);
  if (error instanceof UserError) return error;
  if (error instanceof APIConnectionError) return unreachable(error, at);
  if (error instanceof APIError) return refused(error, at);
  const message = `The request failed: ${tell(messageOf(error), at)}`;
  const { arrived, requestIds } = at;
  return at.sent
    ? new IncompleteReply('network', message, { arrived, requestIds, cause: error })
    : new UserError('network', `${message}. Nothing was sent.`, { cause: error });
}

function interrupted(error: unknown, { sent, arrived, requestIds }: Circumstances): UserError {
  if (error instanceof UserError && error.kind === 'interrupted') return error;
  if (!sent) return interruptedError('Interrupted; nothing was sent.');
  const message = 'Interrupted while the request was on its way. It may have been billed.';
  return new IncompleteReply('interrupted', message, {
    ...{ arrived, requestIds },
    kind: 'interrupted',
    hint: 'See your usage before you try again.',
  });
}

function timedOut(cause: unknown, at: Circumstances): UserError {
  const { timeoutMs, sent, arrived, requestIds } = at;
  const within = `within ${Math.round(timeoutMs / 1000)} s`;
  if (!sent) {
    const message = `There was no connection to ${serverOf(at)} ${within}. Nothing was sent.`;
    return new UserError('timeout', message, { hint: REACH, cause });
  }
  const message = `No picture came ${within}. The request may have been billed all the same.`;
  const hint = 'See your usage before you try again; --timeout SECONDS waits longer, a lower quality is quicker.';
  return new IncompleteReply('timeout', message, { arrived, requestIds, hint, cause });
}

const REACH = 'Check the network, OPENAI_BASE_URL or AZURE_OPENAI_ENDPOINT, and HTTPS_PROXY.';

function serverOf({ endpoint }: Circumstances): string {
  return endpoint === 'compatible' ? 'the server that OPENAI_BASE_URL names' : endpointName(endpoint);
}

/** What kept a connection from coming about. */
const BEFORE_SENDING: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up now',
  ECONNREFUSED: 'it refuses connections',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no network',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  ETIMEDOUT: 'it does not answer',
};

function unreachable(error: APIConnectionError, at: Circumstances): UserError {
  const { code, messages } = causesOf(error);
  const server = serverOf(at);
  if (at.sent) {
    const { arrived, requestIds } = at;
    const message = `The connection to ${server} broke (${code || 'no reason given'}).`;
    const hint = 'The request may have been billed: see your usage before you try again.';
    return new IncompleteReply('network', message, { arrived, requestIds, hint, cause: error });
  }
  const certificate = /CERT|SIGNATURE|SSL|TLS/.test(code) ? `its certificate is not trusted (${code})` : undefined;
  const proxy = /proxy response/i.test(messages) ? 'the proxy of HTTPS_PROXY refused' : undefined;
  const port = /bad port/.test(messages) ? 'its port is kept for something else' : undefined;
  const reason = BEFORE_SENDING[code] ?? certificate ?? proxy ?? port ?? (code || 'no reason is given');
  return new UserError('network', `Cannot reach ${server}: ${reason}. Nothing was sent.`, {
    hint: REACH,
    cause: error,
  });
}

/** The system's code and every message, however deep in the chain of causes. */
function causesOf(error: unknown): { readonly code: string; readonly messages: string } {
  let code = '';
  const messages: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && messages.length < 8; cause = cause.cause) {
    const own = (cause as NodeJS.ErrnoException).code;
    if (typeof own === 'string') code = own;
    messages.push(cause.message);
  }
  return { code, messages: messages.join('\n') };
}
