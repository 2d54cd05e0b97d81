import { Argument, Command } from "commander";
import { addExamples } from "../cli-command.js";
import { formatBashCompletion } from "../completion/bash.js";
import { formatFishCompletion } from "../completion/fish.js";
import { listPlaces } from "../completion/tree.js";
import { formatZshCompletion } from "../completion/zsh.js";

const SHELLS = { bash: formatBashCompletion, zsh: formatZshCompletion, fish: formatFishCompletion } as const;

/** `ogr completion`: prints the script that completes this program in a shell. */
export function buildCompletionCommand(): Command {
  const command = new Command("completion")
    .exitOverride()
    .description("print the script that completes ogr in a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SHELLS)));
  return addExamples(
    command,
    "ogr completion bash > ~/.local/share/bash-completion/completions/ogr",
    "source <(ogr completion zsh)",
    "ogr completion fish > ~/.config/fish/completions/ogr.fish",
  ).action((shell: keyof typeof SHELLS) => {
    const program = command.parent ?? command;
    process.stdout.write(SHELLS[shell](program.name(), listPlaces(program)));
  });
}
