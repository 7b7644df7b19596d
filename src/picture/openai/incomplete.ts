import { UserError } from '../../errors.ts';

/** Something that arrived although the reply as a whole cannot be believed. */
export interface Arrived {
  /** Ending of the file it is kept in: "html", "png". */
  readonly ending: string;
  readonly bytes: Uint8Array;
}

/** A reply that was not whole; what did arrive is to be kept. It may have been billed. */
export class IncompleteReply extends UserError {
  readonly arrived: readonly Arrived[];

  constructor(code: string, message: string, arrived: readonly Arrived[], cause?: unknown) {
    super(code, message, { hint: 'It may have been billed: see your usage before you try again.', cause });
    this.arrived = arrived;
  }
}

/** A text with every secret replaced: no key may reach a screen or a file, whatever a server echoes. */
export function redact(text: string, secrets: readonly string[]): string {
  let safe = text;
  for (const secret of secrets) if (secret !== '') safe = safe.replaceAll(secret, '[key]');
  return safe.replace(/\bsk-[\w-]{8,}/g, '[key]');
}
