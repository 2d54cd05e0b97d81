import { hostname } from "node:os";
import type { Command } from "commander";
import { registerPasskey } from "../../client/deciding.js";
import { ownPasskeys } from "../connection/own-passkeys.js";
import { registryLeaf, withExamples } from "../leaf.js";

interface PasskeyOptions {
  readonly name?: string;
}

/** `ogr passkey register`: a software passkey of this user, for step-up from a terminal. */
export function passkeyRegister(): Command {
  const command = registryLeaf<PasskeyOptions>(
    "register",
    "make a software passkey in your config folder and register it",
    async ({ options, out, client }) => {
      const registry = await client();
      const file = await ownPasskeys();
      await registerPasskey(registry, file, options.name ?? `ogr on ${hostname()}`);
      out.print(
        { ok: true, actor_id: registry.actor_id, path: file.path },
        `A passkey of ${registry.actor_id} is registered; its key lies in ${file.path}.`,
      );
    },
  ).option("--name <name>", "how you will recognise it");
  return withExamples(command, 'ogr passkey register --name "The laptop"');
}
