import { hostname } from "node:os";
import type { Command } from "commander";
import { registerPasskey } from "../../client/deciding.js";
import { addExamples, buildRegistryCommand } from "../build-command.js";
import { openOwnPasskeys } from "../connection/own-passkeys.js";

interface PasskeyOptions {
  readonly name?: string;
}

/** `ogr passkey register`: creates a software passkey for step-up from a terminal. */
export function buildPasskeyRegisterCommand(): Command {
  const command = buildRegistryCommand<PasskeyOptions>(
    "register",
    "create a software passkey in your config folder and register it",
    async ({ options, out, openClient }) => {
      const registry = await openClient();
      const file = await openOwnPasskeys();
      await registerPasskey(registry, file, options.name ?? `ogr on ${hostname()}`);
      out.print(
        { ok: true, actor_id: registry.actor_id, path: file.path },
        `A passkey of ${registry.actor_id} is registered; its key is stored in ${file.path}.`,
      );
    },
  ).option("--name <name>", "the passkey's display name");
  return addExamples(command, 'ogr passkey register --name "The laptop"');
}
