import { interruptedError } from '../../errors.ts';
import type { World } from '../../world.ts';

/** A person sits there who can be asked; questions go to standard error, results alone to standard output. */
export function canAsk({ stdin, stderr }: World): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

interface Question {
  readonly message: string;
  /** Says what Ctrl-C and Escape, which end the verb, left undone. */
  readonly onCancel: string;
}

/** A question whose answer is no unless the person says yes. @throws UserError `interrupted` */
export async function askYesNo(world: World, { message, onCancel }: Question): Promise<boolean> {
  const { confirm } = await import('@clack/prompts');
  return answered(world, (streams) => confirm({ message, initialValue: false, ...streams }), onCancel);
}

interface Answer<T> {
  readonly value: T;
  readonly label: string;
}

/** Lets a person take one of the answers; the first is marked. @throws UserError `interrupted` */
export async function askOne<T>(
  world: World,
  { message, onCancel }: Question,
  answers: readonly Answer<T>[],
): Promise<T> {
  const { select } = await import('@clack/prompts');
  const options = answers.map(({ label }, value) => ({ value, label }));
  const prompt = (streams: Streams): Promise<number | symbol> =>
    select<number>({ message, options, maxItems: ROWS, ...streams });
  const chosen = answers[await answered(world, prompt, onCancel)];
  if (chosen === undefined) throw interruptedError(onCancel);
  return chosen.value;
}

interface Choice<T> extends Answer<T> {
  /** Proposed: marked already. */
  readonly isMarked: boolean;
}

/** Lets a person mark any of the choices. @throws UserError `interrupted` */
export async function askWhich<T>(
  world: World,
  { message, onCancel }: Question,
  choices: readonly Choice<T>[],
): Promise<readonly T[]> {
  const { multiselect } = await import('@clack/prompts');
  const prompt = (streams: Streams): Promise<number[] | symbol> =>
    multiselect<number>({
      message,
      options: choices.map(({ label }, value) => ({ value, label })),
      initialValues: choices.flatMap(({ isMarked }, i) => (isMarked ? [i] : [])),
      required: false,
      maxItems: ROWS,
      ...streams,
    });
  const marked = await answered(world, prompt, onCancel);
  return marked.flatMap((i) => choices[i]?.value ?? []);
}

/** Shown at a time. */
const ROWS = 16;

interface Streams {
  readonly input: World['stdin'];
  readonly output: World['stderr'];
  readonly signal: AbortSignal;
}

/**
 * The answer. The end of the input, a terminal that was closed or Ctrl-D, cancels as Ctrl-C does: the prompt itself would
 * wait for ever, and the process end with nothing said.
 */
async function answered<T>(
  { stdin, stderr, interrupted }: World,
  ask: (streams: Streams) => Promise<T>,
  onCancel: string,
): Promise<Exclude<T, symbol>> {
  const { isCancel } = await import('@clack/prompts');
  const ended = new AbortController();
  const end = (): void => ended.abort();
  const onKey = (_: unknown, key?: { readonly ctrl?: boolean; readonly name?: string }): void => {
    if (key?.ctrl === true && key.name === 'd') end();
  };
  stdin.on('end', end).on('close', end).on('keypress', onKey);
  const answer = await ask({
    input: stdin,
    output: stderr,
    signal: AbortSignal.any([interrupted, ended.signal]),
  }).finally(() => stdin.off('end', end).off('close', end).off('keypress', onKey));
  // The prompt leaves the terminal's input flowing, which would keep the process from ending.
  stdin.pause();
  if (isCancel(answer)) throw interruptedError(onCancel);
  return answer as Exclude<T, symbol>;
}
