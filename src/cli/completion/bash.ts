import { type OptionWord, type Place, pathsBelow, valuesByReply } from "./tree.js";

/** The script by which bash completes; `name` is the program's. */
export function bashCompletion(name: string, places: readonly Place[]): string {
  return `# bash completion of ${name}; made by: ${name} completion bash
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at=${name} words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${pathsBelow(places).map(quoted).join(" | ")}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${valuesByReply(places, replyOf)
  .map(([reply, paths]) => `    ${paths.map(quoted).join(" | ")}) ${reply}; return ;;`)
  .join("\n")}
  esac
  case "$at" in
${places.map(wordsAt).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _${name} ${name}
`;
}

function replyOf(value: OptionWord["value"]): string {
  if (value === "file") return 'COMPREPLY=($(compgen -f -- "$cur"))';
  return Array.isArray(value) ? `COMPREPLY=($(compgen -W ${quoted(value.join(" "))} -- "$cur"))` : "COMPREPLY=()";
}

/** Options are offered to whoever began one, or where nothing else can be written. */
function wordsAt({ path, commands, options, takesFile }: Place): string {
  const flags = options.map(({ name }) => name).join(" ");
  if (commands.length > 0)
    return `    ${quoted(path)}) words=${quoted(commands.map(({ name }) => name).join(" "))}; [[ $cur == -* ]] && words=${quoted(flags)} ;;`;
  const files = takesFile ? ` [[ $cur != -* ]] && { COMPREPLY=($(compgen -f -- "$cur")); return; };` : "";
  return `    ${quoted(path)})${files} words=${quoted(flags)} ;;`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
