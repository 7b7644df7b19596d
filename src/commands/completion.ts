import { Argument, Command, type Option } from 'commander';
import {
  COMPLETION_SCRIPTS,
  completionLines,
  type Offer,
  type Offers,
  SHELLS,
  type Shell,
} from '../output/completion.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { openSession } from './session.ts';

export function completionCommand(act: Act): Command {
  return new Command('completion')
    .description('print a script that completes verbs, options, words, models, libraries and files in your shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .argument('[typed...]', 'behind --: what stands on a command line, to print what may follow, as the scripts ask')
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

async function completion(
  context: Context,
  shell: Shell,
  typed: readonly string[],
  _: unknown,
  command: Command,
): Promise<ExitCode> {
  const { world } = context;
  if (typed.length === 0) world.stdout.write(COMPLETION_SCRIPTS[shell]);
  else world.stdout.write(completionLines(shell, await offersFor(context, command.parent ?? command, typed)));
  return ExitCode.done;
}

/** What may stand in a place of the command line. */
type Place =
  | { readonly kind: 'verb' | 'option'; readonly of: Command }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: Named | 'anything' };

type Named = 'query' | 'files' | 'folders' | 'moved' | 'library' | 'model' | 'image-model';

/** By how help names an option's value or an argument; what is not named here may be anything. */
const PLACES: Readonly<Record<string, Named>> = {
  query: 'query',
  'photo|word': 'query',
  'prefix|photo': 'query',
  photo: 'files',
  picture: 'files',
  lineage: 'files',
  file: 'files',
  'file.npy': 'files',
  'file|folder': 'files',
  path: 'files',
  folder: 'folders',
  dir: 'folders',
  new: 'folders',
  old: 'library',
  root: 'library',
};

/** @param typed behind the program's name, of which the last is being typed */
function placeOf(program: Command, typed: readonly string[]): Place {
  let at = program;
  let words = typed.slice(0, -1);
  for (;;) {
    const next = at.commands.find((verb) => verb.name() === words[0] || verb.aliases().includes(words[0] ?? ''));
    if (next === undefined) break;
    at = next;
    words = words.slice(1);
  }
  const last = typed.at(-1) ?? '';
  let positional = 0;
  let optionsEnded = false;
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    const option = optionsEnded ? undefined : optionOf(at, word);
    if (word === '--' && !optionsEnded) optionsEnded = true;
    else if (option === undefined) positional += word.startsWith('-') && word !== '-' && !optionsEnded ? 0 : 1;
    else if (option.required && i === words.length - 1) return placeOfValue(option);
    else if (option.required) i += 1;
  }
  if (last.startsWith('-') && !optionsEnded) return { kind: 'option', of: at };
  if (at.commands.length > 0) return positional === 0 ? { kind: 'verb', of: at } : { kind: 'anything' };
  const takes = at.registeredArguments;
  const argument = takes[positional] ?? (takes.at(-1)?.variadic ? takes.at(-1) : undefined);
  if (argument?.argChoices !== undefined) return { kind: 'choice', choices: argument.argChoices };
  if (argument?.name() === 'id') return { kind: at.name() === 'undo' ? 'moved' : 'model' };
  return { kind: PLACES[argument?.name() ?? ''] ?? 'anything' };
}

function optionOf(command: Command, word: string): Option | undefined {
  return command.options.find(({ short, long }) => word !== '' && (word === short || word === long));
}

function placeOfValue(option: Option): Place {
  if (option.argChoices !== undefined) return { kind: 'choice', choices: option.argChoices };
  if (option.long === '--model') return { kind: 'model' };
  if (option.long === '--library') return { kind: 'library' };
  if (option.long === '--image-model') return { kind: 'image-model' };
  const [, name = ''] = /[<[]([^\]>]*)[\]>]/.exec(option.flags) ?? [];
  return { kind: PLACES[name] ?? 'anything' };
}

async function offersFor(context: Context, program: Command, typed: readonly string[]): Promise<Offers> {
  // A quote that is still open is the shell's.
  const last = (typed.at(-1) ?? '').replace(/^["']/, '');
  const place = placeOf(program, [...typed.slice(0, -1), last]);
  const begun = ({ text }: Offer): boolean => text.toLowerCase().startsWith(last.toLowerCase());
  const offers = (await offersIn(context, place, last)).filter(begun);
  if (place.kind === 'folders') return { offers, paths: 'folders' };
  return { offers, paths: WITH_FILES.has(place.kind) ? 'files' : null };
}

const WITH_FILES: ReadonlySet<Place['kind']> = new Set(['files', 'query', 'moved']);

async function offersIn(context: Context, place: Place, last: string): Promise<readonly Offer[]> {
  switch (place.kind) {
    case 'verb':
      return place.of.commands.map((verb) => ({
        text: verb.name(),
        about: oneLine(verb.summary() || verb.description()),
      }));
    case 'option':
      return optionsOf(place.of);
    case 'choice':
      return place.choices.map(bare);
    case 'query':
      return wordsLike(context, last);
    case 'moved':
      return runsToUndo(context);
    case 'library':
      return libraries(context);
    case 'model': {
      const { loadCatalogue } = await import('../embedding/catalogue.ts');
      return (await loadCatalogue()).models.map(({ id, name }) => ({ text: id, about: oneLine(name) }));
    }
    case 'image-model': {
      const { readImageModels } = await import('../picture/image-models/image-models.ts');
      const today = context.world.now().toISOString().slice(0, 10);
      const { models } = await readImageModels();
      return models.filter(({ ends }) => ends === null || ends > today).map(({ id }) => bare(id));
    }
    case 'files':
    case 'folders':
    case 'anything':
      return [];
  }
}

const bare = (text: string): Offer => ({ text, about: '' });

function optionsOf(command: Command): Offer[] {
  const options = command.createHelp().visibleOptions(command);
  return options.flatMap(({ short, long, description }) =>
    [long, short].flatMap((flag) => (flag ? [{ text: flag, about: oneLine(description) }] : [])),
  );
}

/** The words that begin so, from a first letter on: no shell should have to ask whether to list thousands. */
async function wordsLike({ settings }: Context, begun: string): Promise<Offer[]> {
  const forced = begun.startsWith('word:') ? 'word:' : '';
  if (!/^\p{L}/u.test(begun.slice(forced.length))) return [];
  const [{ knownWords }, { activeModel }] = await Promise.all([
    import('../library/words/vocabulary.ts'),
    import('../library/active-model.ts'),
  ]);
  const chosen = settings();
  return (await knownWords(chosen.model ?? (await activeModel(chosen)))).map((word) => bare(forced + word));
}

/** Those that may be undone, the latest first. */
async function runsToUndo({ settings }: Context): Promise<Offer[]> {
  const [{ journalsIn }, { realDisk }, { openJournals }] = await Promise.all([
    import('../library/act/act.ts'),
    import('../files/transfer/disk.ts'),
    import('../files/transfer/journal.ts'),
  ]);
  return (await openJournals(realDisk, journalsIn(settings().paths.data))).reverse().map(bare);
}

/** By name; none where nothing was ever indexed, for no store is set up for that. */
async function libraries({ world, settings }: Context): Promise<Offer[]> {
  const { storeExists } = await import('../store/open.ts');
  const chosen = settings();
  if (!(await storeExists(chosen))) return [];
  const session = await openSession(world, chosen);
  try {
    return (await (await session.store()).libraries()).map(({ name, root }) => ({ text: name, about: root }));
  } finally {
    await session.close();
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
