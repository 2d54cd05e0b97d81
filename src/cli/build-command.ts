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
  /** The registry, asked for its caller's name with the first use. */
  openClient(): Promise<RegistryClient>;
}

/** A command that does something; all of them can answer in JSON. */
export function buildCommand<O>(signature: string, description: string, run: (call: Call<O>) => Promise<void>): Command {
  const command = new Command(signature.split(" ")[0])
    .exitOverride()
    .description(description)
    .option("--json", "print JSON, one value a line");
  for (const argument of signature.split(" ").slice(1)) command.argument(argument);
  return command.action(async () => {
    const options = command.opts<O & CommonOptions>();
    await run({
      options,
      arguments: command.args,
      out: createOutput(options.json === true),
      openClient: () => openRegistryClient(options, process.env),
    });
  });
}

/** A command that talks to a registry. */
export function buildRegistryCommand<O>(signature: string, description: string, run: (call: Call<O>) => Promise<void>): Command {
  return addServerOptions(buildCommand(signature, description, run))
    .option("--token <token>", "a bearer token (better: OGR_TOKEN, which other users cannot see)")
    .option("--tenant <id>", "a tenant, such as T.UBL (OGR_TENANT; else the token's own)")
    .option("--as <actor>", "an actor of this clone's `ogr dev`: admin, bob, carol, …");
}

/** Adds by what a command finds its registry. */
export function addServerOptions(command: Command): Command {
  return command
    .option("--profile <name>", "a profile of `ogr auth login` (OGR_PROFILE; else the current one)")
    .option("--server <url>", "the registry's address (OGR_SERVER; else the profile's, else this clone's `ogr dev`)");
}

/** Adds to the help of a command what somebody would write; `#` begins a remark. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ ${line}`).join("\n")}`);
}

/** A word that only groups commands. */
export function buildCommandGroup(name: string, description: string, ...commands: readonly Command[]): Command {
  const made = new Command(name).exitOverride().description(description);
  for (const command of commands) made.addCommand(command);
  return made;
}
