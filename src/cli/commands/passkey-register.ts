import { hostname } from "node:os";
import { registerPasskey } from "../../client/deciding.js";
import { RegistryCommand } from "../cli-command.js";
import { openOwnPasskeys } from "../connection/own-passkeys.js";

/** `ogr passkey register`: creates a software passkey for step-up from a terminal. */
export function buildPasskeyRegisterCommand(): RegistryCommand {
  return new RegistryCommand<{ readonly name?: string }>("register", "create a software passkey in your config folder and register it")
    .option("--name <name>", "the passkey's display name")
    .addExamples('ogr passkey register --name "The laptop"')
    .run(async ({ options: { name = `ogr on ${hostname()}` }, out, openClient }) => {
      const registry = await openClient();
      const passkeys = await openOwnPasskeys();
      const { fingerprint } = await registerPasskey(registry, passkeys, name);
      const [{ actor_id }, { path }] = [registry, passkeys];
      const lines = [
        `A passkey of ${actor_id} is registered; its key is stored in ${path}.`,
        `Its fingerprint is ${fingerprint}. Read it to the holder of the founding key: the passkey counts once the charter has it.`,
      ];
      out.print({ ok: true, actor_id, path, fingerprint }, lines.join("\n"));
    });
}
