import { computeWrites } from "../../../src/decision/charter/apply-change.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import type { CharterChange } from "../../../src/domain/charter/change.js";
import { CHARTER_RULES, type CharterEntry, hashEntry, signEntry } from "../../../src/domain/charter/entry.js";
import type { CharterActor, Passkey, Person } from "../../../src/domain/charter/records.js";
import { CharterState } from "../../../src/domain/charter/state.js";
import { createTestKey } from "../../domain/samples.js";

export const TENANT = "T.UBL";
export const POLICY = "a".repeat(64);
export const RP = "registry.example";

export function buildPasskey(name: string, changes: Partial<Passkey> = {}): Passkey {
  const credential_id = Buffer.from(`credential of ${name}`).toString("base64url");
  const public_key = Buffer.from(`public key of ${name}`).toString("base64url");
  return { credential_id, public_key, name, relying_party: RP, registration: null, counts_to: "L5", ...changes };
}

export function buildPerson(name: string, changes: Partial<Person> = {}): Person {
  return {
    name,
    emails: [`${name}@example.com`],
    passkeys: [buildPasskey(`${name}-1`), buildPasskey(`${name}-2`)],
    disabled: false,
    ...changes,
  };
}

export function buildActor(person: string, changes: Partial<CharterActor> = {}): CharterActor {
  return { person_id: person, name: person, offices: [{ office_id: "office::default", roles: ["approver"] }], disabled: false, ...changes };
}

export const permitKey = createTestKey();
export const receiptKey = createTestKey();

export function buildFounding(people: readonly string[] = ["ana", "bob", "carol", "dan"]): CharterChange {
  return {
    jobType: "registry.charter.found",
    params: {
      policy_hash: POLICY,
      persons: Object.fromEntries(people.map((name) => [`person:${name}`, buildPerson(name)])),
      actors: Object.fromEntries(people.map((name) => [`ubl:sid:person:${name}`, buildActor(`person:${name}`)])),
      keys: {
        [permitKey.kid]: { use: "permit", jwk: permitKey.jwk, revoked: false },
        [receiptKey.kid]: { use: "receipt", jwk: receiptKey.jwk, revoked: false },
      },
      relying_parties: { [RP]: { origins: [`https://${RP}`, "ogr://approve"], use: "approve" } },
      tenants: {},
      policy_codes: [],
    },
  };
}

/** Writes a charter entry by entry with its founding key. */
export class CharterWriter {
  readonly entries: CharterEntry[] = [];
  readonly state = new CharterState();

  constructor(
    readonly key: SigningKey = createTestKey(),
    readonly tenant_id = TENANT,
  ) {}

  /** Signs the change as the next entry. @throws if the rules refuse it. */
  append(change: CharterChange): CharterEntry {
    const version = this.entries.length + 1;
    const writes = computeWrites(this.state, version, change);
    if (!writes.ok) throw new Error(writes.denial.message);
    this.state.write(writes.value);
    return this.sign({ change });
  }

  /** Signs the next entry with replaced members and adds it without a check by the rules. */
  sign(changes: Partial<Omit<CharterEntry, "authority">> & Pick<CharterEntry, "change">, key = this.key): CharterEntry {
    const last = this.entries.at(-1);
    const entry = signEntry(
      {
        tenant_id: this.tenant_id,
        version: this.entries.length + 1,
        previous: last === undefined ? null : hashEntry(last),
        state_hash: this.state.hash,
        rules: CHARTER_RULES,
        ...changes,
      },
      key,
    );
    this.entries.push(entry);
    return entry;
  }

  /** Reads the entries like a store. */
  readonly read = async (version: number): Promise<Uint8Array | undefined> => {
    const entry = this.entries[version - 1];
    return entry === undefined ? undefined : toCanonicalBytes(entry);
  };
}
