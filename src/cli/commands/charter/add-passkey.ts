import type { RegisteredPasskey } from "../../../client/answers.js";
import { enterPasskey, walkTenantCharter } from "../../../client/charter.js";
import { requireValue } from "../../../client/http/problem.js";
import { readSigningKey } from "../../../configuration/keys.js";
import { computePasskeyFingerprint } from "../../../domain/charter/passkeys.js";
import type { Passkey } from "../../../domain/charter/records.js";
import { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { canAsk, requireConsent } from "../../terminal/consent.js";
import { buildYesOption } from "../../terminal/option-values.js";
import { requireValid } from "./read.js";

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
      const charter = await walkTenantCharter(registry, key.jwk);
      requireValid(charter);
      const { walk } = charter;
      const actor_id = name.includes(":") ? name : `ubl:sid:person:${name}`;
      const personId = walk.state.find("actor", actor_id)?.person_id ?? "";
      const person = walk.state.find("person", personId);
      if (person === undefined) throw new UsageError(`The charter has no actor ${actor_id}; \`ogr charter show\` lists them.`);
      const named = new Set(person.passkeys.map(({ credential_id }) => credential_id));
      const waiting = requireValue(await registry.listPasskeysOf(actor_id)).filter(
        ({ disabled, credential_id }) => !disabled && !named.has(credential_id),
      );
      const passkey = choosePasskey(actor_id, waiting, options.fingerprint?.toLowerCase());
      const fingerprint = computePasskeyFingerprint(passkey);
      if (options.fingerprint === undefined) {
        if (options.yes !== true && !canAsk(out)) throw new UsageError("Pass --fingerprint with what the person read to you, or --yes.");
        const question = `The passkey ${passkey.name} of ${personId} has the fingerprint ${fingerprint}. Did ${person.name} read the same one to you?`;
        await requireConsent(out, question, options);
      }
      const version = await enterPasskey(registry, key, personId, passkey);
      out.print(
        { ok: true, actor_id, person_id: personId, fingerprint, version },
        `The passkey ${fingerprint} of ${actor_id} counts from version ${version} of the charter on.`,
      );
    });
}

/** The fingerprint is computed here, because the registry could show another one than that of the key. */
function choosePasskey(actorId: string, waiting: readonly RegisteredPasskey[], fingerprint: string | undefined): Passkey {
  const known = waiting.filter(({ record }) => fingerprint === undefined || computePasskeyFingerprint(record) === fingerprint);
  const list = waiting.map(({ record }) => computePasskeyFingerprint(record)).join(", ") || "none";
  const [chosen, ...others] = known;
  if (chosen === undefined)
    throw new UsageError(
      fingerprint === undefined
        ? `${actorId} has no registered passkey that waits for the charter; they run \`ogr passkey register\` first.`
        : `No registered passkey of ${actorId} has the fingerprint ${fingerprint}; these wait: ${list}. If the person reads another one than the registry shows, do not add it.`,
    );
  if (others.length > 0) throw new UsageError(`${actorId} has several passkeys that wait: ${list}. Name one with --fingerprint.`);
  return chosen.record;
}
