import { UserError } from '../errors.ts';
import { dollars, type Estimate } from '../picture/cost.ts';
import type { World } from '../world.ts';
import type { SendFlags } from './comic-options.ts';

/** A person sits there who can be asked; questions go to standard error, results alone to standard output. */
export function canAsk({ stdin, stderr }: World): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/**
 * Lets a request pass that the person agreed to: by --yes, by answering, or, where nobody can be asked, by a budget.
 * @throws UserError `not_confirmed` (exit 4)
 */
export async function confirmSpending(
  world: World,
  { usd }: Estimate,
  { yes }: Pick<SendFlags, 'yes'>,
  maxCost: number | undefined,
): Promise<void> {
  if (yes) return;
  if (canAsk(world)) {
    const [{ confirm }, { answered, promptStreams }] = await Promise.all([
      import('@clack/prompts'),
      import('./comic-ask.ts'),
    ]);
    const message = `Send this and spend ${usd === null ? 'an unknown amount' : `about ${dollars(usd)}`}?`;
    if (await answered(world, confirm({ message, initialValue: false, ...promptStreams(world) }))) return;
    throw new UserError('not_confirmed', 'Nothing was sent.', { kind: 'refused' });
  }
  if (maxCost !== undefined) return;
  throw new UserError(
    'not_confirmed',
    `Nothing was sent: it costs ${usd === null ? 'an unknown amount' : `about ${dollars(usd)}`}, and there is no terminal to ask on.`,
    {
      hint: 'Add --yes, or --max-cost USD; --dry-run shows what would be sent.',
      kind: 'refused',
    },
  );
}
