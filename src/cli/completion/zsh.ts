import { type OptionWord, type Place, pathsBelow, valuesByReply } from "./tree.js";

/** The script by which zsh completes: sourced, or as `_ogr` in a folder of `fpath`. */
export function zshCompletion(name: string, places: readonly Place[]): string {
  return `#compdef ${name}
# zsh completion of ${name}; made by: ${name} completion zsh
_${name}() {
  local at=${name} i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      (${pathsBelow(places).map(quoted).join("|")}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${valuesByReply(places, replyOf)
  .map(([reply, paths]) => `    (${paths.map(quoted).join("|")}) ${reply}; return ;;`)
  .join("\n")}
  esac
  case "$at" in
${places.map(wordsAt).join("\n")}
  esac
  _describe ${name} found
}
if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function replyOf(value: OptionWord["value"]): string {
  if (value === "file") return "_files";
  return Array.isArray(value) ? `compadd -- ${value.map(quoted).join(" ")}` : ":";
}

function wordsAt({ path, commands, options, takesFile }: Place): string {
  const described = (words: readonly { name: string; text: string }[]) =>
    words.map(({ name, text }) => quoted(`${name}:${text.replaceAll(":", "\\:")}`)).join(" ");
  const flags = `found=(${described(options)})`;
  if (commands.length > 0) return `    (${quoted(path)}) found=(${described(commands)}); [[ $PREFIX == -* ]] && ${flags} ;;`;
  return `    (${quoted(path)})${takesFile ? " [[ $PREFIX != -* ]] && { _files; return };" : ""} ${flags} ;;`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
