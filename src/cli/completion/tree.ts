import type { Command, Option } from "commander";

/** A word to complete, with its description. */
export interface Word {
  readonly name: string;
  readonly text: string;
}

export interface OptionWord extends Word {
  /** What follows: nothing, a file, one of some values, or free text. */
  readonly value: "none" | "file" | "free" | readonly string[];
}

/** A command with the words that can follow it; `path` is the whole command, such as `ogr card list`. */
export interface Place {
  readonly path: string;
  readonly commands: readonly Word[];
  readonly options: readonly OptionWord[];
  readonly takesFile: boolean;
}

const NAMES_A_FILE = /\b(?:file|path|folder)\b/;

/** Lists every command of the program. The scripts are made from this list, so that they never lag behind. */
export function listPlaces(command: Command, above = ""): readonly Place[] {
  const path = above === "" ? command.name() : `${above} ${command.name()}`;
  const help = { name: "--help", text: "show the help", value: "none" } as const;
  const own: Place = {
    path,
    commands: command.commands.map((one) => ({ name: one.name(), text: one.description() })),
    options: [...command.options.filter((option) => option.long && !option.hidden).map(toOptionWord), help],
    takesFile: command.registeredArguments.some((argument) => NAMES_A_FILE.test(argument.name())),
  };
  return [own, ...command.commands.flatMap((one) => listPlaces(one, path))];
}

function toOptionWord({ long, description, flags, argChoices, required, optional }: Option): OptionWord {
  const takesValue = required || optional;
  const value = !takesValue ? "none" : (argChoices ?? (NAMES_A_FILE.test(flags.replace(/^\S+/, "")) ? "file" : "free"));
  return { name: long ?? "", text: description, value };
}

/** Returns the paths of all commands below the program itself. */
export function listPathsBelow(places: readonly Place[]): readonly string[] {
  return places.map(({ path }) => path).filter((path) => path.includes(" "));
}

/** Groups the options that take a value, such as `ogr card list --status`, by the values that they offer. */
export function groupValuesByReply(
  places: readonly Place[],
  formatReply: (value: Exclude<OptionWord["value"], "none">) => string,
): [string, string[]][] {
  const byReply = new Map<string, string[]>();
  for (const { path, options } of places)
    for (const { name, value } of options)
      if (value !== "none") byReply.set(formatReply(value), [...(byReply.get(formatReply(value)) ?? []), `${path} ${name}`]);
  return [...byReply];
}

/** Quotes a word for bash and zsh. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
