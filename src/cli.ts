import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, CommanderError, Help, Option, type OutputConfiguration } from 'commander';
import { comicCommand } from './commands/comic.ts';
import type { Act, Context } from './commands/command.ts';
import { completionCommand } from './commands/completion.ts';
import { copyCommand } from './commands/copy.ts';
import { costsCommand } from './commands/costs.ts';
import { dedupeCommand } from './commands/dedupe.ts';
import { doctorCommand } from './commands/doctor.ts';
import { embedCommand } from './commands/embed.ts';
import { ExitCode, exitCodeOf } from './commands/exit-code.ts';
import { exportCommand } from './commands/export.ts';
import { importCommand } from './commands/import.ts';
import { indexCommand } from './commands/index.ts';
import { libraryCommand } from './commands/library.ts';
import { lineageCommand } from './commands/lineage.ts';
import { modelCommand } from './commands/model.ts';
import { privateCommand } from './commands/private.ts';
import { refineCommand } from './commands/refine.ts';
import { replayCommand } from './commands/replay.ts';
import { searchCommand } from './commands/search.ts';
import { showCommand } from './commands/show.ts';
import { statusCommand } from './commands/status.ts';
import { stopCommand } from './commands/stop.ts';
import { undoCommand } from './commands/undo.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { verifyCommand } from './commands/verify.ts';
import { wordsCommand } from './commands/words.ts';
import { messageOf, systemErrorCode, UserError, usageError } from './errors.ts';
import { unlessInterrupted } from './interrupt.ts';
import { writeError, writeLine } from './output/terminal/streams.ts';
import { version } from './version.ts';
import type { World } from './world.ts';

export { realWorld } from './world.ts';

const REPORT = 'This is a fault of curate. Please report it with the lines above.';

/** The program: arguments (without node and script) and the world in, how it ended out. */
export async function run(argv: readonly string[], world: World): Promise<ExitCode> {
  const json = asksForJson(argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length));
  const output = watchOutput(world);
  let outcome: ExitCode = ExitCode.done;
  const noted = new Set<string>();
  const noteUnknown = (name: string): void => {
    if (!noted.has(name))
      writeLine(world.stderr, `${name} in .env is no setting of curate's: see .env.example for those.`);
    noted.add(name);
  };
  const act: Act =
    (handler, { graceful = false } = {}) =>
    async (...args) => {
      // Help needs no settings, nor what they are validated with.
      const { loadSettings } = await import('./settings.ts');
      const context: Context = {
        world,
        settings: (flags) => loadSettings(world, { database: program.opts().database, ...flags }, noteUnknown),
      };
      const work = handler(context, ...args);
      outcome = await (graceful ? work : unlessInterrupted(world.interrupted, work));
    };
  const program = declare(act, world);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    outcome = report(world, error, json, verbOf(program, argv));
  }
  const isWhole = await output.written();
  const succeeded = outcome === ExitCode.done || outcome === ExitCode.somePhotosFailed;
  return succeeded && !isWhole ? ExitCode.failed : outcome;
}

/** The manual page, for the package: what `--help` says in the form that `man` shows. @param date as 2026-11-28 */
export async function manual(world: World, date: string): Promise<string> {
  const { manPage } = await import('./output/man-page.ts');
  const nothing: Act = () => async () => undefined;
  return manPage(declare(nothing, world), { version: version(), date });
}

/** Before the arguments are parsed, so that what is wrong with them is a document, too. */
function asksForJson(argv: readonly string[]): boolean {
  return argv.some((arg, i) => arg === '--json' || arg === '--as=json' || (arg === 'json' && argv[i - 1] === '--as'));
}

/** Declares every verb; loading them is cheap, what they need is loaded when they run. */
function declare(act: Act, world: World): Command {
  // Errors are worded by `report`.
  const output = { writeOut: (text: string) => world.stdout.write(text), writeErr: () => undefined };
  const program = new Command('curate')
    .description('Point at one photo, get those like it, privately; make pictures of the best.')
    .version(version(), '-V, --version', 'print the version')
    // Shown by every verb: here it is one line too many.
    .addOption(new Option('--database <name>', 'database of the Milvus server').hideHelp())
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput(output)
    .configureHelp({
      subcommandTerm: (command) => command.name(),
      // Without "help", which says what --help says.
      visibleCommands: ({ commands }) => [...commands],
      // Every verb on one screen: usage, description and options stand right below each other.
      formatHelp: (command, help) =>
        Help.prototype.formatHelp.call(help, command, help).replace('\n\n', '\n').replace('\n\n', '\n'),
    });
  for (const { heading, verbs } of GROUPS) {
    program.commandsGroup(heading);
    for (const [verb, summary] of verbs) program.addCommand(inherit(verb(act), output, world).summary(summary));
  }
  return program;
}

/** Commander does not hand these down to commands that are added ready-made. */
function inherit(command: Command, output: OutputConfiguration, world: World): Command {
  command
    .exitOverride()
    .configureOutput(output)
    .helpOption('-h, --help', 'show this help')
    .configureHelp({
      ...command.configureHelp(),
      showGlobalOptions: true,
      visibleGlobalOptions: () => [new Option('--database <name>', 'database of the Milvus server')],
    });
  if (command.commands.length > 0) {
    // Called without one of its verbs, it shows its help.
    command.configureOutput({ writeErr: (text) => world.stderr.write(text), outputError: () => undefined });
  }
  for (const sub of command.commands) inherit(sub, output, world);
  return command;
}

/** The verb that the arguments name, with a space behind it: "search ", "library list "; "" for none. */
function verbOf(program: Command, argv: readonly string[]): string {
  let at: Command = program;
  let named = '';
  for (const word of argv) {
    const next = at.commands.find((command) => command.name() === word || command.aliases().includes(word));
    if (next === undefined) break;
    at = next;
    named += `${next.name()} `;
  }
  return named;
}

/** The one place where an error becomes words and an exit code. */
function report(world: World, error: unknown, json: boolean, verb: string): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return ExitCode.done;
    const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    const file = /^unknown option '(-.*?)'/.exec(message)?.[1];
    if (file !== undefined && existsSync(resolve(world.cwd, file))) {
      const hint = `A file whose name begins with a dash is named ./${file}`;
      return report(world, usageError(`"${file}" was taken for an option.`, hint), json, verb);
    }
    // No option has a blank in its name.
    const prompt = /^unknown option '(-.*\s.*?)'/.exec(message)?.[1];
    if (prompt !== undefined) {
      const hint = `What begins with a dash stands behind --, after the options: curate ${verb}PHOTO -- "${prompt}"`;
      return report(world, usageError(`"${prompt}" was taken for an option.`, hint), json, verb);
    }
    if (error.code !== 'commander.help') {
      return report(world, usageError(sentence(message), `See "curate ${verb}--help".`), json, verb);
    }
    // Verbs with verbs of their own have shown their help.
    if (verb !== '') return ExitCode.usage;
    writeLine(
      world.stderr,
      'curate: say what to do: curate index FOLDER, then curate search PHOTO. "curate --help" lists every verb.',
    );
    return ExitCode.usage;
  }
  if (error instanceof UserError) {
    writeError(world, error, json);
    return exitCodeOf(error.kind);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  for (const line of stack.split('\n')) writeLine(world.stderr, line);
  const message = error instanceof Error ? error.message : String(error);
  writeError(world, new UserError('internal', message, { hint: REPORT, cause: error }), json);
  return ExitCode.failed;
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!)]$/.test(capital) ? capital : `${capital}.`;
}

/**
 * Says once when standard output cannot be written (a full disk); the verb ends in its own way. `curate search ... |
 * head` closes it early: that is the reader's wish, not an error. Of standard error nothing could be said anywhere.
 */
function watchOutput({ stdout, stderr }: World): { written(): Promise<boolean> } {
  let isWhole = true;
  stdout.on('error', (error) => {
    const code = systemErrorCode(error);
    if (code === 'EPIPE' || !isWhole) return;
    isWhole = false;
    const reason = code === 'ENOSPC' ? 'no space is left on its disk' : messageOf(error);
    writeLine(stderr, `curate: The output cannot be written: ${reason}.`);
  });
  stderr.on('error', () => undefined);
  return {
    // What is written last is behind everything else, and the failure of that has been told before.
    written: async () => {
      await new Promise((resolve) => stdout.write('', () => setImmediate(resolve)));
      await new Promise((resolve) => stderr.write('', resolve));
      return isWhole;
    },
  };
}

type Verb = (act: Act) => Command;

/** In the order in which help shows them, each in a line of 80 characters. */
const GROUPS: readonly { readonly heading: string; readonly verbs: readonly (readonly [Verb, string])[] }[] = [
  {
    heading: 'Find:',
    verbs: [
      [searchCommand, 'find the photos most like photos; copy, link or move them'],
      [wordsCommand, 'list the words to search by, or say what a photo shows'],
      [showCommand, 'draw photos in the terminal: files, or hits of a search'],
    ],
  },
  {
    heading: 'Choose:',
    verbs: [
      [dedupeCommand, 'find copies and near-duplicates, and move all but the best'],
      [undoCommand, 'put moved photos back where they were'],
    ],
  },
  {
    heading: 'Make:',
    verbs: [
      [comicCommand, 'make a picture from a photo, those like it, and a prompt'],
      [refineCommand, 'change a picture that curate made'],
      [replayCommand, 'make exactly the same request again'],
      [lineageCommand, 'show how a picture was made'],
      [costsCommand, 'sum what the pictures of a folder cost'],
      [privateCommand, 'say which photos are private, and by which rule'],
    ],
  },
  {
    heading: 'Keep:',
    verbs: [
      [indexCommand, 'embed the photos of folders, and keep the index up to date'],
      [libraryCommand, 'list the indexed folders, relocate or forget one'],
      [statusCommand, 'show what is indexed, and how much space it takes'],
      [verifyCommand, 'check how well the index finds altered copies'],
      [embedCommand, 'print the vectors of photos'],
      [exportCommand, 'write the vectors and fields of the index to a file'],
      [importCommand, 'index photos with vectors that were made elsewhere'],
      [copyCommand, 'copy the index to or from a server, and compare both'],
    ],
  },
  {
    heading: 'Set up:',
    verbs: [
      [modelCommand, 'list, locate or download embedding models'],
      [doctorCommand, 'check every part that curate needs'],
      [stopCommand, 'end the embedded Milvus server'],
      [completionCommand, 'complete verbs and options in your shell'],
      [uninstallCommand, 'say what lies where on this machine, and remove it'],
    ],
  },
];
