/** `lapel completion`: what a shell needs to complete words of lapel, from the commands themselves. */

import type { Command, Option } from 'commander';
import { Argument } from 'commander';
import type { Terminal } from '../terminal.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .description('Prints a script by which a shell completes the words of lapel.')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addHelpText('after', examples)
    .action((shell: Shell) => terminal.result(scripts[shell](placesIn(program, []))));
}

const examples = `
Examples:
  source <(lapel completion bash)                                     in ~/.bashrc
  source <(lapel completion zsh)                                      in ~/.zshrc
  lapel completion fish > ~/.config/fish/completions/lapel.fish`;

interface Word {
  readonly text: string;
  readonly about: string;
}

/** A place on the command line: behind these words, one may say these. */
interface Place {
  readonly path: readonly string[];
  readonly words: readonly Word[];
  /** Values of options that have a choice, by each name of the option. */
  readonly choices: ReadonlyMap<string, readonly string[]>;
}

function placesIn(command: Command, path: readonly string[]): readonly Place[] {
  const { commands, options, registeredArguments } = command;
  const help = { text: '--help', about: 'show help' };
  const words = [
    ...commands.map((each) => ({ text: each.name(), about: each.summary() || each.description() })),
    ...registeredArguments.flatMap(({ argChoices = [], description }) =>
      argChoices.map((text) => ({ text, about: description })),
    ),
    ...options.map((option) => ({ text: option.long ?? option.short ?? '', about: option.description })),
    help,
  ];
  const choices = new Map(
    options.flatMap((option) => namesOf(option).map((name) => [name, option.argChoices ?? []] as const)),
  );
  return [{ path, words, choices }, ...commands.flatMap((each) => placesIn(each, [...path, each.name()]))];
}

const namesOf = ({ short, long }: Option): readonly string[] =>
  [short, long].filter((name) => name !== undefined);

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
/** What is printed stands on one line, and no shell reads anything into it. */
const plain = (text: string): string => text.replaceAll(/[^\p{L}\p{N} .,:;()/-]/gu, ' ');

const bash = (
  places: readonly Place[],
): string => `# Completion of lapel for bash: source <(lapel completion bash)
_lapel() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" place="" each at
  for ((at = 1; at < COMP_CWORD; at++)); do
    each="\${COMP_WORDS[at]}"
    case "$place $each" in
${places
  .filter(({ path }) => path.length > 0)
  .map(({ path }) => `      ${quoted(` ${path.join(' ')}`)}) place="$place $each" ;;`)
  .join('\n')}
    esac
  done
  case "$place $before" in
${places.flatMap(choiceCases).join('\n')}
  esac
  case "$place" in
${places.map(wordCase).join('\n')}
  esac
  [[ "$word" == -* ]] || COMPREPLY+=($(compgen -f -- "$word"))
}
complete -o filenames -F _lapel lapel`;

const said = (path: readonly string[]): string => path.map((each) => ` ${each}`).join('');

const offer = (words: readonly string[]): string =>
  `COMPREPLY=($(compgen -W ${quoted(words.join(' '))} -- "$word"))`;

const choiceCases = ({ path, choices }: Place): readonly string[] =>
  [...choices]
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => `    ${quoted(`${said(path)} ${name}`)}) ${offer(values)}; return ;;`);

const wordCase = ({ path, words }: Place): string =>
  `    ${quoted(said(path))}) ${offer(words.map(({ text }) => text))} ;;`;

/** By the functions of bash, which zsh has, too. */
const zsh = (places: readonly Place[]): string =>
  `autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n${bash(places)}`;

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, choices }) => {
    const inner = places.filter((other) => other.path.length === path.length + 1);
    const below = inner.filter((other) => path.every((each, at) => each === other.path[at]));
    const seen = path.map((each) => `__fish_seen_subcommand_from ${each}`);
    const none = below.map((other) => other.path.at(-1) ?? '').join(' ');
    const when = [...seen, ...(none === '' ? [] : [`not __fish_seen_subcommand_from ${none}`])];
    return words.map(({ text, about }) => {
      const word = text.startsWith('--') ? `-l ${text.slice(2)}` : `-a ${quoted(text)}`;
      const values = choices.get(text) ?? [];
      const chosen = values.length === 0 ? '' : ` -x -a ${quoted(values.join(' '))}`;
      const condition = when.length === 0 ? '' : ` -n ${quoted(when.join('; and '))}`;
      return `complete -c lapel${condition} ${word}${chosen} -d ${quoted(plain(about))}`;
    });
  });
  return ['# Completion of lapel for fish', ...lines].join('\n');
}

const scripts: Readonly<Record<Shell, (places: readonly Place[]) => string>> = { bash, zsh, fish };
