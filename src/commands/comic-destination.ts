import { resolve } from 'node:path';
import { Outlet } from '../picture/outlet.ts';
import type { PictureFormat } from '../picture/port.ts';
import type { World } from '../world.ts';
import type { MakeFlags, SendFlags } from './comic-options.ts';

/** Where a request's result goes: pictures into an outlet, or a dry run into a folder. */
export type Destination =
  | { readonly kind: 'outlet'; readonly outlet: Outlet; readonly format: PictureFormat }
  | { readonly kind: 'dry-run'; readonly folder: string | null; readonly format: PictureFormat };

/** @throws UserError before anything is paid, when it cannot be written there */
export async function destinationOf(
  world: World,
  flags: Pick<SendFlags, 'out' | 'dryRun' | 'force'> & Pick<MakeFlags, 'format' | 'n'>,
  { prompt, format = null }: { readonly prompt: string; readonly format?: PictureFormat | null },
): Promise<Destination> {
  const { out, dryRun, force = false, n = 1 } = flags;
  const wanted = flags.format ?? format;
  if (dryRun) {
    return { kind: 'dry-run', folder: out === undefined ? null : resolve(world.cwd, out), format: wanted ?? 'png' };
  }
  // The ending of a named file counts for more than the format of the picture before.
  const request = { cwd: world.cwd, out: out ?? null, prompt, n, force, spare: world.tmp };
  const outlet = await Outlet.open({ ...request, format: flags.format ?? null, usual: format ?? 'png' });
  return { kind: 'outlet', outlet, format: outlet.format };
}
