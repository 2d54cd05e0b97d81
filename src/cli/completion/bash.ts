import { groupValuesByReply, listPathsBelow, type OptionWord, type Place } from "./tree.js";

/** Returns the completion script for bash; `name` is the program's. */
export function formatBashCompletion(name: string, places: readonly Place[]): string {
  return `# bash completion of ${name}; made by: ${name} completion bash
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at=${name} words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${listPathsBelow(places).map(quoteForBash).join(" | ")}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${groupValuesByReply(places, formatBashReply)
  .map(([reply, paths]) => `    ${paths.map(quoteForBash).join(" | ")}) ${reply}; return ;;`)
  .join("\n")}
  esac
  case "$at" in
${places.map(formatBashWords).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _${name} ${name}
`;
}

function formatBashReply(value: OptionWord["value"]): string {
  if (value === "file") return 'COMPREPLY=($(compgen -f -- "$cur"))';
  return Array.isArray(value) ? `COMPREPLY=($(compgen -W ${quoteForBash(value.join(" "))} -- "$cur"))` : "COMPREPLY=()";
}

/** Offers options after a `-`, or where no subcommand can follow. */
function formatBashWords({ path, commands, options, takesFile }: Place): string {
  const flags = options.map(({ name }) => name).join(" ");
  if (commands.length > 0)
    return `    ${quoteForBash(path)}) words=${quoteForBash(commands.map(({ name }) => name).join(" "))}; [[ $cur == -* ]] && words=${quoteForBash(flags)} ;;`;
  const files = takesFile ? ` [[ $cur != -* ]] && { COMPREPLY=($(compgen -f -- "$cur")); return; };` : "";
  return `    ${quoteForBash(path)})${files} words=${quoteForBash(flags)} ;;`;
}

function quoteForBash(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
