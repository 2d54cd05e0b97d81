import { hostname } from "node:os";
import { registerPasskey } from "../../client/deciding.js";
import { requireValue } from "../../client/http/problem.js";
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
      const { sealed } = requireValue(await registry.readCharter());
      const [{ actor_id }, { path }] = [registry, passkeys];
      const naming = sealed
        ? `a member who proposes changes of the charter: ogr charter propose-passkey ${actor_id} --fingerprint ${fingerprint}`
        : `the holder of the founding key: ogr charter add-passkey ${actor_id} --founding-key-file PEM`;
      const lines = [
        `A passkey of ${actor_id} is registered; its key is stored in ${path}.`,
        `Its fingerprint is ${fingerprint}. The passkey counts once the charter has it. Read the fingerprint to ${naming}`,
      ];
      out.print({ ok: true, actor_id, path, fingerprint }, lines.join("\n"));
    });
}
