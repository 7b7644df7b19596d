import type { Command } from 'commander';

/**
 * The manual page curate(1), made of what `--help` says of the program and of each verb.
 * Macros as in man(7), which groff and mandoc both read.
 * @param date of the page, as 2026-11-28
 */
export function manPage(
  program: Command,
  { version, date }: { readonly version: string; readonly date: string },
): string {
  const name = program.name();
  return `${[
    `.TH ${name.toUpperCase()} 1 "${date}" "${name} ${version}" "User Commands"`,
    '.SH NAME',
    prose(`${name} - ${program.description().replace(/\.$/, '')}`),
    '.SH SYNOPSIS',
    `.B ${name}`,
    'verb [options] [arguments]',
    ...optionLines(program),
    '.SH VERBS',
    ...groupsOf(program).flatMap(([heading, verbs]) => [
      `.SS "${escaped(heading.replace(/:$/, ''))}"`,
      ...verbs.flatMap((verb) => ['.TP', `.B ${escaped(verb.name())}`, prose(verb.summary())]),
    ]),
    ...program.commands.flatMap((verb) => verbLines(verb, name)),
    '.SH EXIT STATUS',
    ...STATUS.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, meaning]),
  ].join('\n')}\n`;
}

/** Letters of a line. */
const LINE = 78;

const STATUS = [
  ['0', 'done'],
  ['1', 'failed'],
  ['2', 'wrong usage'],
  ['3', 'done, but some photos could not be read; they are listed'],
  ['4', 'refused: over the budget, not confirmed, or private'],
  ['130', 'interrupted'],
] as const;

/** The verbs by the headings of help, in its order. */
function groupsOf(program: Command): [heading: string, verbs: Command[]][] {
  const groups = new Map<string, Command[]>();
  for (const verb of program.commands) groups.set(verb.helpGroup(), [...(groups.get(verb.helpGroup()) ?? []), verb]);
  return [...groups];
}

function verbLines(verb: Command, before: string): string[] {
  const name = `${before} ${verb.name()}`;
  const aliases = verb.aliases().map((alias) => `${before} ${alias}`);
  const takes = verb.registeredArguments.filter(({ description }) => description !== '');
  const help = verb.createHelp();
  return [
    `.SH "${escaped(name).toUpperCase()}"`,
    `.B ${escaped(name)}`,
    escaped(verb.usage()),
    '.PP',
    prose(`${capital(verb.description())}.${aliases.length === 0 ? '' : ` Also called ${aliases.join(', ')}.`}`),
    ...takes.flatMap((argument) => [
      '.TP',
      `.I ${escaped(help.argumentTerm(argument))}`,
      prose(help.argumentDescription(argument)),
    ]),
    ...optionLines(verb),
    ...moreOf(verb),
    ...verb.commands.flatMap((own) => verbLines(own, name)),
  ];
}

function optionLines(command: Command): string[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .flatMap((option) => ['.TP', `.B ${escaped(option.flags)}`, prose(help.optionDescription(option))]);
}

/** What help says below the options: columns as they stand there, for the rest man finds the lines. */
function moreOf(command: Command): string[] {
  let shown = '';
  const settings = command.configureOutput();
  command.configureOutput({
    ...settings,
    writeOut: (text) => {
      shown += text;
    },
  });
  command.outputHelp();
  command.configureOutput(settings);
  const more = shown.slice(command.helpInformation().length).trim();
  if (more === '') return [];
  return more.split(/\n{2,}/).flatMap((block) => {
    const lines = block.split('\n');
    const isProse = lines.every((line) => !line.startsWith(' '));
    return isProse ? ['.PP', prose(block)] : ['.PP', '.nf', ...lines.map(escaped), '.fi'];
  });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Text that roff takes for nothing but text, in lines that people can read. */
function prose(text: string): string {
  const lines = [''];
  for (const word of text.trim().split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (escaped(longer).length > LINE) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map(escaped).join('\n');
}

/** A line that roff takes for nothing but text, blanks and all. */
function escaped(text: string): string {
  const plain = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('"', '\\(dq');
  return /^[.]/.test(plain) ? `\\&${plain}` : plain;
}
