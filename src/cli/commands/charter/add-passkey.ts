import { enterPasskey, readNamedRoot, walkTenantCharter } from "../../../client/charter.js";
import { readSigningKey } from "../../../configuration/keys.js";
import { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { canAsk, requireConsent } from "../../terminal/consent.js";
import { buildYesOption } from "../../terminal/option-values.js";
import { requireValid } from "./read.js";
import { findWaitingPasskey } from "./waiting-passkey.js";

interface AddPasskeyOptions {
  readonly foundingKeyFile: string;
  readonly fingerprint?: string;
  readonly yes?: boolean;
}

/** `ogr charter add-passkey`: lets a registered passkey count. */
export function buildCharterAddPasskeyCommand(): RegistryCommand<AddPasskeyOptions> {
  return new RegistryCommand<AddPasskeyOptions>(
    "add-passkey <actor>",
    "let a passkey count that a person has registered: name it in the charter",
  )
    .requiredOption("--founding-key-file <pem>", "the tenant's private founding key; it stays on this machine")
    .option("--fingerprint <hex>", "the fingerprint that the person read to you; without it, compare the one that is shown")
    .addOption(buildYesOption())
    .addExamples(
      "ogr charter add-passkey bob --founding-key-file T.UBL.pem",
      "ogr charter add-passkey bob --founding-key-file T.UBL.pem --fingerprint 9f2c…",
    )
    .run(async ({ options, arguments: [name = ""], out, openClient }) => {
      const key = readSigningKey(options.foundingKeyFile);
      const registry = await openClient();
      const charter = await walkTenantCharter(registry, { ...(await readNamedRoot(registry)), founding_jwk: key.jwk });
      requireValid(charter);
      const waiting = await findWaitingPasskey(registry, charter, name, options.fingerprint);
      const { actor_id, person_id, person, passkey, fingerprint } = waiting;
      if (options.fingerprint === undefined) {
        if (options.yes !== true && !canAsk(out)) throw new UsageError("Pass --fingerprint with what the person read to you, or --yes.");
        const question = `The passkey ${passkey.name} of ${person_id} has the fingerprint ${fingerprint}. Did ${person.name} read the same one to you?`;
        await requireConsent(out, question, options);
      }
      const version = await enterPasskey(registry, key, person_id, passkey);
      out.print(
        { ok: true, actor_id, person_id, fingerprint, version },
        `The passkey ${fingerprint} of ${actor_id} counts from version ${version} of the charter on.`,
      );
    });
}
