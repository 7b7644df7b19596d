import { type ErrorKind, UserError } from '../../errors.ts';

/** Something that arrived although the reply as a whole cannot be believed. */
export interface Arrived {
  /** Ending of the file it is kept in: "html", "png". */
  readonly ending: string;
  readonly bytes: Uint8Array;
}

interface IncompleteOptions {
  readonly arrived?: readonly Arrived[];
  /** As the server names them; empty when it did not come to that. */
  readonly requestIds?: readonly string[];
  readonly hint?: string;
  readonly kind?: ErrorKind;
  readonly cause?: unknown;
}

/** A request that was sent and brought no whole reply: it may have been billed, and what did arrive is to be kept. */
export class IncompleteReply extends UserError {
  readonly arrived: readonly Arrived[];
  readonly requestIds: readonly string[];

  constructor(code: string, message: string, options: IncompleteOptions = {}) {
    const { arrived = [], requestIds = [], hint, ...rest } = options;
    super(code, message, { hint: hint ?? 'It may have been billed: see your usage before you try again.', ...rest });
    this.arrived = arrived;
    this.requestIds = requestIds;
  }
}

/** A text with every secret replaced: no key may reach a screen or a file, whatever a server echoes. */
export function redact(text: string, secrets: readonly string[]): string {
  let safe = text;
  for (const secret of secrets) if (secret !== '') safe = safe.replaceAll(secret, '[key]');
  return safe.replace(/\bsk-[\w-]{8,}/g, '[key]');
}
