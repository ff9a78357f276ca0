/**
 * Scripts that have shells complete what is declared: commands, options, choices; files for all else. Unaware of what
 * commands do.
 *
 * @module
 */

import type { Command, Option } from "commander";

/** The shells. */
export type Shell = "bash" | "zsh" | "fish";

/** The script for a shell, made of the commands of the program. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, "");
  switch (shell) {
    case "bash":
      return bashScript(program.name(), places);
    case "zsh":
      return zshScript(program.name(), places);
    case "fish":
      return fishScript(program.name(), places);
    default:
      throw new Error(`BUG: unknown shell ${shell satisfies never}`);
  }
}

/** What can follow a command. */
interface Place {
  /** The words that lead there, without the name of the program. */
  readonly path: string;
  readonly commands: readonly Word[];
  readonly options: readonly CompletedOption[];
  /** What the first argument can be, where that is limited. */
  readonly choices: readonly string[];
}

interface Word {
  readonly name: string;
  readonly description: string;
}

interface CompletedOption extends Word {
  readonly short: string | undefined;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

function placesOf(command: Command, path: string): readonly Place[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).map((each) => ({
    name: each.name(),
    description: each.description(),
  }));
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  const place: Place = {
    path,
    commands,
    options: options.map(completedOption),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
  const inner = command.commands.map((each) => placesOf(each, `${path} ${each.name()}`.trim()));
  return [place, ...inner.flat()];
}

function completedOption(option: Option): CompletedOption {
  return {
    name: option.long ?? "",
    short: option.short,
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}

function namesOf({ name, short }: CompletedOption): readonly string[] {
  return short === undefined ? [name] : [name, short];
}

/** How bash or zsh is told what can stand there. */
interface Dialect {
  /** One of some words. */
  words(words: readonly Word[]): string;
  /** A file, where that takes more than to say nothing. */
  readonly files: string;
}

/** The part that bash and zsh share: how far the words before lead, and what can follow there. */
function caseLines(places: readonly Place[], words: string, dialect: Dialect): readonly string[] {
  const steps = places.slice(1).map(({ path }) => `" ${path}"`).join("|");
  return [
    `    case "\${at% } \${${words}[i]}" in ${steps}) at="\${at% } \${${words}[i]}" ;; esac`,
    `  done`,
    `  case "$at|$prev" in`,
    ...places.flatMap((place) => valueLines(place, dialect)),
    `  esac`,
    `  case "$at" in`,
    ...places.map((place) => placeLine(place, dialect)),
    `  esac`,
    `}`,
  ];
}

/** After an option that takes a value. */
function valueLines({ path, options }: Place, { words, files }: Dialect): readonly string[] {
  return options.filter(({ takesValue }) => takesValue).map((option) => {
    const patterns = namesOf(option).map((name) => `" ${path}|${name}"`).join("|");
    const value = option.choices.length === 0 ? files : words(option.choices.map(plainWord));
    return `    ${patterns}) ${value}; return ;;`;
  });
}

function placeLine({ path, commands, options, choices }: Place, { words, files }: Dialect): string {
  const plain = [...commands, ...choices.map(plainWord)];
  const other = plain.length === 0 ? files : words(plain);
  return `    " ${path}") if [[ $cur == -* ]]; then ${words(options)}; else ${other}; fi ;;`;
}

function plainWord(name: string): Word {
  return { name, description: "" };
}

const BASH: Dialect = {
  words: (words) =>
    `COMPREPLY=($(compgen -W "${words.map(({ name }) => name).join(" ")}" -- "$cur"))`,
  files: ":", // by its default, when there is nothing else
};

function bashScript(name: string, places: readonly Place[]): string {
  return [
    `# eval "$(${name} completions bash)"`,
    `_${name}() {`,
    `  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at=" " i`,
    `  for ((i = 1; i < COMP_CWORD; i++)); do`,
    ...caseLines(places, "COMP_WORDS", BASH),
    `complete -o default -F _${name} ${name}`,
  ].join("\n");
}

const ZSH: Dialect = {
  words: (words) => {
    const items = words.map(({ name, description }) =>
      `'${name.replaceAll(":", "\\:")}:${description.replaceAll("'", `'\\''`)}'`
    );
    return `items=(${items.join(" ")}); _describe value items`;
  },
  files: "_files",
};

function zshScript(name: string, places: readonly Place[]): string {
  return [
    `#compdef ${name}`,
    `# eval "$(${name} completions zsh)", after compinit`,
    `_${name}() {`,
    `  local cur="\${words[CURRENT]}" prev="\${words[CURRENT-1]}" at=" " i`,
    `  local -a items`,
    `  for ((i = 2; i < CURRENT; i++)); do`,
    ...caseLines(places, "words", ZSH),
    `if [[ "\${funcstack[1]}" == "_${name}" ]]; then _${name} "$@"; else compdef _${name} ${name}; fi`,
  ].join("\n");
}

function fishScript(name: string, places: readonly Place[]): string {
  const text = (value: string): string => `'${value.replace(/['\\]/g, "\\$&")}'`;
  const lines = places.flatMap(({ path, commands, options, choices }) => {
    const here = `complete -c ${name} -n ${text(`__${name}_at ${text(path)}`)}`;
    return [
      ...commands.map((each) => `${here} -f -a ${each.name} -d ${text(each.description)}`),
      ...choices.length === 0 ? [] : [`${here} -f -a ${text(choices.join(" "))}`],
      ...options.map((option) => {
        const { short, choices } = option;
        const parts = [here, `-l ${option.name.slice(2)}`];
        if (short !== undefined) parts.push(`-s ${short.slice(1)}`);
        if (choices.length > 0) parts.push(`-x -a ${text(choices.join(" "))}`);
        else if (option.takesValue) parts.push("-r");
        return `${parts.join(" ")} -d ${text(option.description)}`;
      }),
    ];
  });
  return [
    `# ${name} completions fish | source`,
    `function __${name}_at`,
    `  set -l at`,
    `  for word in (commandline -opc)[2..-1]`,
    `    set -l next (string trim "$at $word")`,
    `    if contains -- "$next" ${places.slice(1).map(({ path }) => text(path)).join(" ")}`,
    `      set at $next`,
    `    end`,
    `  end`,
    `  test "$at" = "$argv"`,
    `end`,
    ...lines,
  ].join("\n");
}
