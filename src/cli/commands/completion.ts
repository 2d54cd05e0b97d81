import { Argument, Command } from "commander";
import { addExamples } from "../build-command.js";
import { formatBashCompletion } from "../completion/bash.js";
import { formatFishCompletion } from "../completion/fish.js";
import { listPlaces } from "../completion/tree.js";
import { formatZshCompletion } from "../completion/zsh.js";

const SHELLS = { bash: formatBashCompletion, zsh: formatZshCompletion, fish: formatFishCompletion } as const;

/** `ogr completion`: the script by which a shell completes this very program. */
export function buildCompletionCommand(): Command {
  const command = new Command("completion")
    .exitOverride()
    .description("print the script by which a shell completes ogr")
    .addArgument(new Argument("<shell>", "whose").choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS) => {
      const program = command.parent ?? command;
      process.stdout.write(SHELLS[shell](program.name(), listPlaces(program)));
    });
  return addExamples(
    command,
    "ogr completion bash > ~/.local/share/bash-completion/completions/ogr",
    "source <(ogr completion zsh)",
    "ogr completion fish > ~/.config/fish/completions/ogr.fish",
  );
}
