import { ExitCode, interruptedError, UserError } from '../errors.ts';
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
    const { confirm, isCancel } = await import('@clack/prompts');
    const answer = await confirm({
      message: `Send this and spend ${usd === null ? 'an unknown amount' : `about ${dollars(usd)}`}?`,
      initialValue: false,
      input: world.stdin,
      output: world.stderr,
      signal: world.interrupted,
    });
    if (isCancel(answer)) throw interruptedError('Interrupted; nothing was sent.');
    if (answer) return;
    throw new UserError('not_confirmed', 'Nothing was sent.', { exit: ExitCode.refused });
  }
  if (maxCost !== undefined) return;
  throw new UserError(
    'not_confirmed',
    `Nothing was sent: it costs ${usd === null ? 'an unknown amount' : `about ${dollars(usd)}`}, and there is no terminal to ask on.`,
    {
      hint: 'Add --yes, or --max-cost USD; --dry-run shows what would be sent.',
      exit: ExitCode.refused,
    },
  );
}
