import { Argument, Command } from "commander";
import { bashCompletion } from "../completion/bash.js";
import { fishCompletion } from "../completion/fish.js";
import { placesOf } from "../completion/tree.js";
import { zshCompletion } from "../completion/zsh.js";
import { withExamples } from "../leaf.js";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `ogr completion`: the script by which a shell completes this very program. */
export function completion(): Command {
  const command = new Command("completion")
    .exitOverride()
    .description("print the script by which a shell completes ogr")
    .addArgument(new Argument("<shell>", "whose").choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS) => {
      const program = command.parent ?? command;
      process.stdout.write(SHELLS[shell](program.name(), placesOf(program)));
    });
  return withExamples(
    command,
    "ogr completion bash > ~/.local/share/bash-completion/completions/ogr",
    "source <(ogr completion zsh)",
    "ogr completion fish > ~/.config/fish/completions/ogr.fish",
  );
}
