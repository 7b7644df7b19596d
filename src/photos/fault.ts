/**
 * Why a photo could not be read. `not_found`, `unreadable`, `vanished`, `changing`, `decoder_crashed` and `timed_out` may pass
 * and say nothing of what was known of the photo before.
 */
export type FaultCode =
  | 'not_found'
  | 'not_a_file'
  | 'unreadable'
  | 'vanished'
  | 'changing'
  | 'empty'
  | 'not_an_image'
  | 'unsupported'
  | 'corrupt'
  | 'too_large'
  | 'decoder_crashed'
  | 'timed_out';

/** One bad photo is data, never an exception. */
export interface PhotoFault {
  readonly code: FaultCode;
  /** A clause in plain words: "is cut short". */
  readonly reason: string;
}

export interface Faulty {
  readonly kind: 'fault';
  readonly fault: PhotoFault;
}

export function faulty(code: FaultCode, reason: string): Faulty {
  return { kind: 'fault', fault: { code, reason } };
}
