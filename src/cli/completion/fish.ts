import { listPathsBelow, type OptionWord, type Place } from "./tree.js";

/** Returns the completion script for fish: `ogr.fish` in its folder of completions. */
export function formatFishCompletion(name: string, places: readonly Place[]): string {
  return `# fish completion of ${name}; made by: ${name} completion fish
function __${name}_at
    set -l at ${name}
    for word in (commandline -opc)[2..-1]
        if contains -- "$at $word" ${listPathsBelow(places).map(quoteForFish).join(" ")}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c ${name} -f
${places.flatMap((place) => formatFishLines(name, place)).join("\n")}
`;
}

function formatFishLines(name: string, { path, commands, options, takesFile }: Place): string[] {
  const begin = `complete -c ${name} -n ${quoteForFish(`__${name}_at ${quoteForFish(path)}`)}`;
  return [
    ...(takesFile ? [`${begin} -F`] : []),
    ...commands.map((word) => `${begin} -a ${quoteForFish(word.name)} -d ${quoteForFish(word.text)}`),
    ...options.map((option) => `${begin} -l ${option.name.slice(2)} -d ${quoteForFish(option.text)}${formatValueFlags(option)}`),
  ];
}

function formatValueFlags({ value }: OptionWord): string {
  if (value === "none") return "";
  if (value === "file") return " -r -F";
  return Array.isArray(value) ? ` -x -a ${quoteForFish(value.join(" "))}` : " -x";
}

/** Only the quote and the backslash are special in fish's single quotes. */
function quoteForFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
