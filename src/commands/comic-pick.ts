import { basename } from 'node:path';
import type { Candidate, Verdict } from '../casting/candidate.ts';
import { usageError } from '../errors.ts';
import { printable } from '../output/text.ts';
import type { World } from '../world.ts';
import { canAsk } from './comic-confirm.ts';

/** @throws UserError usage when there is no terminal to choose on */
export function demandTerminal(world: World): void {
  if (canAsk(world)) return;
  throw usageError('--pick needs a terminal to choose on.', 'Name the photos instead: --ref FILE');
}

/** Lets a person choose among the candidates; what casting proposes is marked already. */
export async function pick(world: World, proposed: readonly Verdict[], most: number): Promise<readonly Candidate[]> {
  if (proposed.length === 0) return [];
  const [{ multiselect }, { answered, promptStreams }] = await Promise.all([
    import('@clack/prompts'),
    import('./comic-ask.ts'),
  ]);
  const prompt = multiselect<Candidate>({
    message: `Choose up to ${most}: space marks, enter goes on`,
    options: proposed.map(({ candidate, used, reason }) => ({
      value: candidate,
      label: `${candidate.score.toFixed(2)}  ${printable(basename(candidate.file))}`,
      ...(used ? {} : { hint: printable(reason) }),
    })),
    initialValues: proposed.filter(({ used }) => used).map(({ candidate }) => candidate),
    required: false,
    maxItems: 16,
    ...promptStreams(world),
  });
  const answer = await answered(world, prompt);
  if (answer.length > most) {
    throw usageError(
      `${answer.length} photos are marked, ${most} can be sent.`,
      'Mark fewer, or raise --refs (at most 16).',
    );
  }
  return answer;
}
