import { Command } from "commander";
import type { RegistryClient } from "../client/http/registry-client.js";
import { type ConnectionOptions, openRegistryClient } from "./connection/connection.js";
import { createOutput, type Output } from "./terminal/output.js";

interface CommonOptions extends ConnectionOptions {
  readonly json?: boolean;
}

export interface Call<O> {
  readonly options: O & CommonOptions;
  readonly arguments: readonly string[];
  readonly out: Output;
  /** Opens a client, and asks the registry who the caller is. */
  openClient(): Promise<RegistryClient>;
}

/** A command of `ogr`; `O` are its own options. Every command can print JSON. */
export class CliCommand<O = unknown> extends Command {
  constructor(signature: string, description: string) {
    const [name, ...words] = signature.split(" ");
    super(name);
    this.exitOverride().description(description).option("--json", "print JSON, one value per line");
    for (const word of words) this.argument(word);
  }

  /** Adds the options by which a command finds its registry. */
  addServerOptions(): this {
    return this.option("--profile <name>", "a profile of `ogr auth login` (default: OGR_PROFILE, then the current one)").option(
      "--server <url>",
      "the registry's address (default: OGR_SERVER, then the profile's, then this clone's `ogr dev`)",
    );
  }

  addExamples(...examples: readonly string[]): this {
    return addExamples(this, ...examples);
  }

  run(work: (call: Call<O>) => Promise<void>): this {
    return this.action(async () => {
      const options = this.opts<O & CommonOptions>();
      const out = createOutput(options.json === true);
      const notify = (sentence: string) => out.remark(`ogr: ${sentence}`);
      await work({ options, arguments: this.args, out, openClient: () => openRegistryClient(options, process.env, notify) });
    });
  }
}

/** A command that calls a registry. */
export class RegistryCommand<O = unknown> extends CliCommand<O> {
  constructor(signature: string, description: string) {
    super(signature, description);
    this.addServerOptions()
      .option("--token <token>", "a bearer token (prefer OGR_TOKEN: other users cannot see it)")
      .option("--tenant <id>", "a tenant, such as T.UBL (default: OGR_TENANT, then the token's own)")
      .option("--as <actor>", "an actor of this clone's `ogr dev`: admin, bob, carol, …");
  }
}

/** Adds examples to the help of a command; `#` begins a remark. */
export function addExamples<C extends Command>(command: C, ...examples: readonly string[]): C {
  return command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ ${line}`).join("\n")}`);
}

/** Builds a command that only groups others. */
export function buildCommandGroup(name: string, description: string, ...commands: readonly Command[]): Command {
  const group = new Command(name).exitOverride().description(description);
  for (const command of commands) group.addCommand(command);
  return group;
}
