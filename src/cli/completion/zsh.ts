import { groupValuesByReply, listPathsBelow, type OptionWord, type Place, quoteForShell } from "./tree.js";

/** Returns the completion script for zsh: sourced, or as `_ogr` in a folder of `fpath`. */
export function formatZshCompletion(name: string, places: readonly Place[]): string {
  return `#compdef ${name}
# zsh completion of ${name}; made by: ${name} completion zsh
_${name}() {
  local at=${name} i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      (${listPathsBelow(places).map(quoteForShell).join("|")}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${groupValuesByReply(places, formatZshReply)
  .map(([reply, paths]) => `    (${paths.map(quoteForShell).join("|")}) ${reply}; return ;;`)
  .join("\n")}
  esac
  case "$at" in
${places.map(formatZshWords).join("\n")}
  esac
  _describe ${name} found
}
if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function formatZshReply(value: OptionWord["value"]): string {
  if (value === "file") return "_files";
  return Array.isArray(value) ? `compadd -- ${value.map(quoteForShell).join(" ")}` : ":";
}

function formatZshWords({ path, commands, options, takesFile }: Place): string {
  const formatDescriptions = (words: readonly { name: string; text: string }[]) =>
    words.map(({ name, text }) => quoteForShell(`${name}:${text.replaceAll(":", "\\:")}`)).join(" ");
  const flags = `found=(${formatDescriptions(options)})`;
  if (commands.length > 0)
    return `    (${quoteForShell(path)}) found=(${formatDescriptions(commands)}); [[ $PREFIX == -* ]] && ${flags} ;;`;
  return `    (${quoteForShell(path)})${takesFile ? " [[ $PREFIX != -* ]] && { _files; return };" : ""} ${flags} ;;`;
}
