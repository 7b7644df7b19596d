import type { ErrorKind } from '../errors.ts';

/** What the shell learns: see the README's table of exit codes. */
export const ExitCode = { done: 0, failed: 1, usage: 2, somePhotosFailed: 3, refused: 4, interrupted: 130 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The one place where a kind of error becomes an exit code. */
export function exitCodeOf(kind: ErrorKind): ExitCode {
  return ExitCode[kind];
}
