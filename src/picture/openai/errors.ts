import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { messageOf, UserError } from '../../errors.ts';
import type { EndpointKind } from '../port.ts';
import { endpointName } from './endpoint.ts';
import { type Arrived, IncompleteReply } from './incomplete.ts';
import { refused, tell } from './refusals.ts';

interface Circumstances {
  readonly endpoint: EndpointKind;
  readonly timedOut: boolean;
  readonly interrupted: boolean;
  readonly timeoutMs: number;
  readonly arrived: readonly Arrived[];
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
  return new UserError('network', `The request failed: ${tell(messageOf(error), at)}`, {
    hint: 'It may have been billed: see your usage before you try again.',
  });
}

function interrupted(error: unknown, { arrived }: Circumstances): UserError {
  if (error instanceof UserError && error.kind === 'interrupted') return error;
  const message = 'Interrupted while the request was on its way.';
  const stop =
    arrived.length === 0
      ? new UserError('interrupted', `${message} It may have been billed.`)
      : new IncompleteReply('interrupted', message, arrived);
  return Object.assign(stop, { kind: 'interrupted' });
}

function timedOut(error: unknown, { timeoutMs, arrived }: Circumstances): UserError {
  const message = `No picture came within ${Math.round(timeoutMs / 1000)} s.`;
  if (arrived.length > 0) return new IncompleteReply('timeout', message, arrived, error);
  return new UserError('timeout', `${message} The request may have been billed all the same.`, {
    hint: 'See your usage before you try again; --timeout SECONDS waits longer, --quality low is quicker.',
  });
}

/** Failures that come before a byte of the request was sent. */
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
  const server = at.endpoint === 'compatible' ? 'the server that OPENAI_BASE_URL names' : endpointName(at.endpoint);
  const certificate = /CERT|SIGNATURE|SSL|TLS/.test(code) ? `its certificate is not trusted (${code})` : undefined;
  const proxy = /proxy response/i.test(messages) ? 'the proxy of HTTPS_PROXY refused' : undefined;
  const port = /bad port/.test(messages) ? 'its port is kept for something else' : undefined;
  const reason = BEFORE_SENDING[code] ?? certificate ?? proxy ?? port;
  if (reason !== undefined) {
    return new UserError('network', `Cannot reach ${server}: ${reason}. Nothing was sent.`, {
      hint: 'Check the network, OPENAI_BASE_URL or AZURE_OPENAI_ENDPOINT, and HTTPS_PROXY.',
    });
  }
  return new UserError('network', `The connection to ${server} broke (${code || 'no reason given'}).`, {
    hint: 'The request may have been billed: see your usage before you try again.',
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
