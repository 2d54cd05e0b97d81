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

/** Builds a command. Every command can print JSON. */
export function buildCommand<O>(signature: string, description: string, run: (call: Call<O>) => Promise<void>): Command {
  const command = new Command(signature.split(" ")[0])
    .exitOverride()
    .description(description)
    .option("--json", "print JSON, one value per line");
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

/** Builds a command that calls a registry. */
export function buildRegistryCommand<O>(signature: string, description: string, run: (call: Call<O>) => Promise<void>): Command {
  return addServerOptions(buildCommand(signature, description, run))
    .option("--token <token>", "a bearer token (prefer OGR_TOKEN: other users cannot see it)")
    .option("--tenant <id>", "a tenant, such as T.UBL (default: OGR_TENANT, then the token's own)")
    .option("--as <actor>", "an actor of this clone's `ogr dev`: admin, bob, carol, …");
}

/** Adds the options by which a command finds its registry. */
export function addServerOptions(command: Command): Command {
  return command
    .option("--profile <name>", "a profile of `ogr auth login` (default: OGR_PROFILE, then the current one)")
    .option("--server <url>", "the registry's address (default: OGR_SERVER, then the profile's, then this clone's `ogr dev`)");
}

/** Adds examples to the help of a command; `#` begins a remark. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ ${line}`).join("\n")}`);
}

/** Builds a command that only groups others. */
export function buildCommandGroup(name: string, description: string, ...commands: readonly Command[]): Command {
  const made = new Command(name).exitOverride().description(description);
  for (const command of commands) made.addCommand(command);
  return made;
}
