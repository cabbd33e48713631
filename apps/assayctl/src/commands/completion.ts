import type { Command } from '../assayctl.js';
import { readArguments } from '../inputs.js';
import { UsageError } from '../terminal.js';

/** What may follow a command, by its words: `dead-letters`, `dead-letters list`. */
type Words = Map<string, string[]>;

/** The completion of a shell, made from the usages: what they name can be completed, and nothing else. */
export function completionCommand(commands: () => Readonly<Record<string, Command>>): Command {
  return {
    usage: 'bash|zsh',
    summary: 'Prints a completion script: source <(assayctl completion bash)',
    run(args, terminal) {
      const { positionals } = readArguments(args, {}, [1, 1]);
      const [shell] = positionals;
      if (shell !== 'bash' && shell !== 'zsh') throw new UsageError('there is completion for bash and zsh');
      terminal.out(shell === 'bash' ? bash(wordsOf(commands())) : zsh(wordsOf(commands())));
      return 0;
    },
  };
}

function wordsOf(commands: Readonly<Record<string, Command>>): Words {
  const words: Words = new Map([['', Object.keys(commands)]]);
  for (const [name, { usage, subcommands = {} }] of Object.entries(commands)) {
    const own = optionsOf(usage);
    const names = Object.keys(subcommands);
    words.set(name, names.length > 0 ? names : [...wordsIn(usage), ...own]);
    for (const [sub, text] of Object.entries(subcommands)) words.set(`${name} ${sub}`, [...optionsOf(text), ...own]);
  }
  return words;
}

function optionsOf(usage: string): string[] {
  return [...new Set(usage.match(/--[a-z][a-z-]*/g) ?? []), '--help'];
}

/** Alternatives in lower case: `bash|zsh`. */
function wordsIn(usage: string): string[] {
  return /^[a-z]+(\|[a-z]+)+$/.exec(usage)?.[0].split('|') ?? [];
}

function cases(words: Words, reply: (words: string) => string): string {
  return [...words]
    .filter(([name]) => name !== '')
    .sort(([a], [b]) => b.length - a.length)
    .map(([name, follow]) => `    "${name}${name.includes(' ') ? '' : ' '}"*) ${reply(follow.join(' '))} ;;`)
    .join('\n');
}

function bash(words: Words): string {
  return `_assayctl() {
  local words= current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${words.get('')!.join(' ')}"
  else
    local place="\${COMP_WORDS[1]} "
    [ "$COMP_CWORD" -gt 2 ] && place="\${COMP_WORDS[1]} \${COMP_WORDS[2]}"
    case "$place" in
${cases(words, (follow) => `words="${follow}"`)}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _assayctl assayctl
`;
}

function zsh(words: Words): string {
  return `#compdef assayctl
_assayctl() {
  if (( CURRENT == 2 )); then
    compadd -- ${words.get('')!.join(' ')}
    return
  fi
  local place="$words[2] "
  (( CURRENT > 3 )) && place="$words[2] $words[3]"
  case "$place" in
${cases(words, (follow) => `compadd -- ${follow}`)}
  esac
  _files
}
compdef _assayctl assayctl
`;
}
