import { resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { type PrivateGuard, privateGuard } from '../picture/private-files.ts';
import type { Settings } from '../settings.ts';
import type { PhotoStore } from '../store/port.ts';
import type { World } from '../world.ts';

interface GuardDeps {
  readonly world: World;
  readonly settings: Settings;
  /** Asked only when the setting has patterns: those count from the libraries' roots. */
  openStore(): Promise<PhotoStore>;
}

/** The private rules as they stand now, with the exceptions the person named. */
export async function guardNow(
  { world, settings, openStore }: GuardDeps,
  allowed: readonly string[] = [],
): Promise<PrivateGuard> {
  const patterns = settings.privatePatterns ?? [];
  const libraries = patterns.length === 0 ? [] : await (await openStore()).libraries();
  return privateGuard({
    patterns,
    roots: libraries.map(({ root }) => root),
    home: world.home,
    allowed: allowed.map((file) => resolve(world.cwd, file)),
  });
}

/** @throws UserError `private` (exit 4) when a photo may not be sent */
export function demandPublic(guard: PrivateGuard, file: string, leaveOut?: string): void {
  const source = guard.privateBy(file);
  if (source !== null) throw privateError(file, `by ${source}`, leaveOut);
}

export function privateError(file: string, why: string, leaveOut = 'Leave it out'): UserError {
  return new UserError('private', `${file} is private (${why}): nothing was sent.`, {
    hint: `${leaveOut}, or add --allow-private "${file}" to send it all the same.`,
    kind: 'refused',
  });
}
