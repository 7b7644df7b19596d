/** What a shell is to know of the program. */
export interface CompletionVerb {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletionOption[];
  /** Verbs of its own, as `library list`. */
  readonly verbs: readonly string[];
}

interface CompletionOption {
  /** "-k", "--in" */
  readonly flags: readonly string[];
  readonly summary: string;
  readonly takesValue: boolean;
  /** The only values there are; empty for any, which files are offered for. */
  readonly choices: readonly string[];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script that completes verbs, options, their values, and files. Texts must hold no line ends. */
export function completionScript(shell: Shell, verbs: readonly CompletionVerb[]): string {
  return { bash, zsh, fish }[shell](verbs);
}

/** In single quotes, for any of the shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Each choice of each option, by the verb and the word that comes before. */
function choicesOf(verbs: readonly CompletionVerb[]): { readonly when: string; readonly choices: readonly string[] }[] {
  return verbs.flatMap(({ name, options }) =>
    options.flatMap(({ flags, choices }) =>
      choices.length === 0 ? [] : flags.map((flag) => ({ when: `${name} ${flag}`, choices })),
    ),
  );
}

function bash(verbs: readonly CompletionVerb[]): string {
  const words = (list: readonly string[]): string => `COMPREPLY=($(compgen -W ${quoted(list.join(' '))} -- "$cur"))`;
  return `# bash completion for curate: source this file, or put it into ~/.local/share/bash-completion/completions/curate
_curate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} verb=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    ${words(verbs.map(({ name }) => name))}
    return
  fi
  case "$verb $prev" in
${choicesOf(verbs)
  .map(({ when, choices }) => `    ${quoted(when)}) ${words(choices)}; return ;;`)
  .join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case $verb in
${verbs.map(({ name, options }) => `      ${name}) ${words(options.flatMap(({ flags }) => flags))} ;;`).join('\n')}
    esac
    return
  fi
  if ((COMP_CWORD == 2)); then
    case $verb in
${verbs
  .filter((verb) => verb.verbs.length > 0)
  .map(({ name, verbs: own }) => `      ${name}) ${words(own)} ;;`)
  .join('\n')}
    esac
  fi
}
complete -o default -F _curate curate
`;
}

function zsh(verbs: readonly CompletionVerb[]): string {
  const described = (name: string, summary: string): string =>
    quoted(`${name.replaceAll(':', '\\:')}:${summary.replaceAll(':', '\\:')}`);
  return `#compdef curate
# zsh completion for curate: put it as _curate into a folder of $fpath, or source it after compinit
_curate() {
  local -a described
  if ((CURRENT == 2)); then
    described=(${verbs.map(({ name, summary }) => described(name, summary)).join(' ')})
    _describe verb described
    return
  fi
  case "$words[2] $words[CURRENT-1]" in
${choicesOf(verbs)
  .map(({ when, choices }) => `    ${quoted(when)}) compadd -- ${choices.map(quoted).join(' ')}; return ;;`)
  .join('\n')}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    case $words[2] in
${verbs
  .map(({ name, options }) => {
    const all = options.flatMap(({ flags, summary }) => flags.map((flag) => described(flag, summary)));
    return `      ${name}) described=(${all.join(' ')}) ;;`;
  })
  .join('\n')}
    esac
    _describe option described
    return
  fi
  if ((CURRENT == 3)); then
    case $words[2] in
${verbs
  .filter((verb) => verb.verbs.length > 0)
  .map(({ name, verbs: own }) => `      ${name}) compadd -- ${own.map(quoted).join(' ')}; return ;;`)
  .join('\n')}
    esac
  fi
  _files
}
if [[ $funcstack[1] == _curate ]]; then _curate "$@"; else compdef _curate curate; fi
`;
}

function fish(verbs: readonly CompletionVerb[]): string {
  const lines = verbs.flatMap(({ name, summary, options, verbs: own }) => [
    `complete -c curate -n __fish_use_subcommand -f -a ${quoted(name)} -d ${quoted(summary)}`,
    ...(own.length === 0
      ? []
      : [`complete -c curate -n '__fish_seen_subcommand_from ${name}' -f -a ${quoted(own.join(' '))}`]),
    ...options.map(({ flags, summary: about, takesValue, choices }) => {
      const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
      const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : takesValue ? ' -r -F' : '';
      return `complete -c curate -n '__fish_seen_subcommand_from ${name}' ${names.join(' ')}${value} -d ${quoted(about)}`;
    }),
  ]);
  return `# fish completion for curate: put it into ~/.config/fish/completions/curate.fish\n${lines.join('\n')}\n`;
}
