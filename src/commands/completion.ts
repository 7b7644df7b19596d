import { Argument, Command, type Option } from 'commander';
import { type CompletionVerb, completionScript, SHELLS, type Shell } from '../output/completion.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';

export function completionCommand(act: Act): Command {
  return new Command('completion')
    .description('print a script that completes verbs, options and files in your shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        'source <(curate completion bash)       # in ~/.bashrc',
        'source <(curate completion zsh)        # in ~/.zshrc, behind compinit',
        'curate completion fish > ~/.config/fish/completions/curate.fish',
      ),
    )
    .action(act(completion));
}

async function completion({ world }: Context, shell: Shell, _: unknown, command: Command): Promise<ExitCode> {
  const { loadCatalogue } = await import('../embedding/catalogue.ts');
  const models = (await loadCatalogue()).models.map(({ id }) => id);
  const verbs = command.parent?.commands ?? [];
  world.stdout.write(
    completionScript(
      shell,
      verbs.map((verb) => described(verb, models)),
    ),
  );
  return ExitCode.done;
}

function described(verb: Command, models: readonly string[]): CompletionVerb {
  return {
    name: verb.name(),
    summary: oneLine(verb.summary() || verb.description()),
    verbs: verb.commands.map((own) => own.name()),
    options: verb
      .createHelp()
      .visibleOptions(verb)
      .map((option) => ({
        flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
        summary: oneLine(option.description),
        takesValue: option.required || option.optional,
        choices: choicesOf(option, models),
      })),
  };
}

function choicesOf(option: Option, models: readonly string[]): readonly string[] {
  if (option.long === '--model') return models;
  return option.argChoices ?? [];
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
