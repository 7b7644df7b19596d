import type { AddHelpTextContext } from 'commander';
import type { Settings, SettingsValues } from '../settings.ts';
import type { World } from '../world.ts';
import type { ExitCode } from './exit-code.ts';

/** What a verb's handler is given. */
export interface Context {
  readonly world: World;
  /** Settings with the verb's own flags on top. */
  settings(flags?: SettingsValues): Settings;
}

interface ActOptions {
  /** The verb watches `world.interrupted` itself and ends tidily; others are cut off by the first Ctrl-C. */
  readonly graceful?: boolean;
}

/** Turns a handler (open, run, show; returns how it ended) into a commander action. */
export type Act = <Args extends unknown[]>(
  handler: (context: Context, ...args: Args) => Promise<ExitCode>,
  options?: ActOptions,
) => (...args: Args) => Promise<void>;

/** Paragraphs at the end of a verb's help, wrapped to the terminal as its options are. */
export function details(text: string): (context: AddHelpTextContext) => string {
  return ({ command }) => {
    const help = command.createHelp();
    const { helpWidth = command.configureOutput().getOutHelpWidth?.() ?? 80 } = help;
    const wrapped = text
      .trim()
      .split(/\n{2,}/)
      .map((paragraph) => help.boxWrap(paragraph.replaceAll('\n', ' '), helpWidth));
    return `\n${wrapped.join('\n\n')}\n`;
  };
}

/** The examples at the end of a verb's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}
