import { groupValuesByReply, listPathsBelow, type OptionWord, type Place, quoteForShell } from "./tree.js";

/** Returns the completion script for bash; `name` is the program's. */
export function formatBashCompletion(name: string, places: readonly Place[]): string {
  return `# bash completion of ${name}; made by: ${name} completion bash
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at=${name} words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${listPathsBelow(places).map(quoteForShell).join(" | ")}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${groupValuesByReply(places, formatBashReply)
  .map(([reply, paths]) => `    ${paths.map(quoteForShell).join(" | ")}) ${reply}; return ;;`)
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
  return Array.isArray(value) ? `COMPREPLY=($(compgen -W ${quoteForShell(value.join(" "))} -- "$cur"))` : "COMPREPLY=()";
}

/** Offers options after a `-`, or where no subcommand can follow. */
function formatBashWords({ path, commands, options, takesFile }: Place): string {
  const flags = options.map(({ name }) => name).join(" ");
  if (commands.length > 0)
    return `    ${quoteForShell(path)}) words=${quoteForShell(commands.map(({ name }) => name).join(" "))}; [[ $cur == -* ]] && words=${quoteForShell(flags)} ;;`;
  const files = takesFile ? ` [[ $cur != -* ]] && { COMPREPLY=($(compgen -f -- "$cur")); return; };` : "";
  return `    ${quoteForShell(path)})${files} words=${quoteForShell(flags)} ;;`;
}
