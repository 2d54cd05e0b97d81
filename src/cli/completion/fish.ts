import { type OptionWord, type Place, pathsBelow } from "./tree.js";

/** The script by which fish completes: `ogr.fish` in its folder of completions. */
export function fishCompletion(name: string, places: readonly Place[]): string {
  return `# fish completion of ${name}; made by: ${name} completion fish
function __${name}_at
    set -l at ${name}
    for word in (commandline -opc)[2..-1]
        if contains -- "$at $word" ${pathsBelow(places).map(quoted).join(" ")}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c ${name} -f
${places.flatMap((place) => linesOf(name, place)).join("\n")}
`;
}

function linesOf(name: string, { path, commands, options, takesFile }: Place): string[] {
  const begin = `complete -c ${name} -n ${quoted(`__${name}_at ${quoted(path)}`)}`;
  return [
    ...(takesFile ? [`${begin} -F`] : []),
    ...commands.map((word) => `${begin} -a ${quoted(word.name)} -d ${quoted(word.text)}`),
    ...options.map((option) => `${begin} -l ${option.name.slice(2)} -d ${quoted(option.text)}${valueFlags(option)}`),
  ];
}

function valueFlags({ value }: OptionWord): string {
  if (value === "none") return "";
  if (value === "file") return " -r -F";
  return Array.isArray(value) ? ` -x -a ${quoted(value.join(" "))}` : " -x";
}

/** In fish's single quotes only the quote and the backslash are special. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
