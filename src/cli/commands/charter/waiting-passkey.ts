import type { RegisteredPasskey } from "../../../client/answers.js";
import type { WalkedCharter } from "../../../client/charter.js";
import { requireValue } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { computePasskeyFingerprint } from "../../../domain/charter/passkeys.js";
import type { Passkey, Person } from "../../../domain/charter/records.js";
import { UsageError } from "../../failure.js";

/** A passkey that a person has registered and the charter does not name yet. */
export interface WaitingPasskey {
  readonly actor_id: string;
  readonly person_id: string;
  readonly person: Person;
  readonly passkey: Passkey;
  readonly fingerprint: string;
}

/** Finds the passkey of an actor's person that waits for the charter, or the one with `fingerprint` of several. @throws UsageError */
export async function findWaitingPasskey(
  registry: RegistryClient,
  { walk }: WalkedCharter,
  name: string,
  fingerprint: string | undefined,
): Promise<WaitingPasskey> {
  const actor_id = name.includes(":") ? name : `ubl:sid:person:${name}`;
  const person_id = walk.state.find("actor", actor_id)?.person_id ?? "";
  const person = walk.state.find("person", person_id);
  if (person === undefined) throw new UsageError(`The charter has no actor ${actor_id}; \`ogr charter show\` lists them.`);
  const named = new Set(person.passkeys.map(({ credential_id }) => credential_id));
  const waiting = requireValue(await registry.listPasskeysOf(actor_id)).filter(
    ({ disabled, credential_id }) => !disabled && !named.has(credential_id),
  );
  const passkey = choosePasskey(actor_id, waiting, fingerprint?.toLowerCase());
  return { actor_id, person_id, person, passkey, fingerprint: computePasskeyFingerprint(passkey) };
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
