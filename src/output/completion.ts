export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What may stand at the end of a command line. */
export interface Offer {
  readonly text: string;
  /** A few words about it; empty for none. */
  readonly about: string;
}

/** Offers, and what the shell itself is to add to them. */
export interface Offers {
  readonly offers: readonly Offer[];
  readonly paths: 'files' | 'folders' | null;
}

/** The lines that the scripts below read: an offer each, and at the end which paths the shell is to add. */
export function completionLines(shell: Shell, { offers, paths }: Offers): string {
  const lines = offers.map(({ text, about }) => {
    if (shell === 'bash' || about === '') return shell === 'zsh' ? text.replaceAll(':', '\\:') : text;
    return shell === 'fish' ? `${text}\t${about}` : `${text.replaceAll(':', '\\:')}:${about}`;
  });
  return [...lines, ...(paths === null ? [] : [`:${paths}`])].map((line) => `${line}\n`).join('');
}

/** A script that has the shell ask `curate completion SHELL -- WORDS...`, the last of which is being typed. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  // Without mapfile, which the bash of macOS lacks. Names are split at colons there, and quotes are part of words.
  bash: `# bash completion for curate: source this file, or put it into ~/.local/share/bash-completion/completions/curate
_curate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} line path
  cur=\${cur#[\\"\\']}
  cur=\${cur//\\\\/}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files | :folders)
        compopt -o filenames 2>/dev/null
        while IFS= read -r path; do COMPREPLY+=("$path"); done < <(
          if [[ $line == :files ]]; then compgen -f -- "$cur"; else compgen -d -- "$cur"; fi
        ) ;;
      *)
        [[ $line == *' '* ]] && compopt -o filenames 2>/dev/null
        COMPREPLY+=("$line") ;;
    esac
  done < <(command curate completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$cur" 2>/dev/null)
}
complete -F _curate curate
`,
  zsh: `#compdef curate
# zsh completion for curate: put it as _curate into a folder of $fpath, or source it after compinit
_curate() {
  local line paths
  local -a offers
  while IFS= read -r line; do
    case $line in
      :files) paths=_files ;;
      :folders) paths='_files -/' ;;
      *) offers+=("$line") ;;
    esac
  done < <(command curate completion zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( $#offers )) && _describe curate offers
  [[ -n $paths ]] && \${=paths}
}
if [[ $funcstack[1] == _curate ]]; then _curate "$@"; else compdef _curate curate; fi
`,
  fish: `# fish completion for curate: put it into ~/.config/fish/completions/curate.fish
function __curate_complete
  set -l raw (commandline -ct)
  # A quote that is still open is no escape to fish.
  set -l typed (string unescape -- "$raw"; or string trim -l -c "'\\"" -- "$raw")
  set -l words (commandline -opc)
  for line in (command curate completion fish -- $words[2..-1] "$typed" 2>/dev/null)
    switch $line
      case :files
        __fish_complete_path "$typed"
      case :folders
        __fish_complete_directories "$typed" ''
      case '*'
        echo $line
    end
  end
end
complete -c curate -f -a '(__curate_complete)'
`,
};
