import { computeUserHandle } from "../../../src/decision/assertion.js";
import { computeStatementChallenge, type Statement } from "../../../src/domain/card/statement.js";
import type { ChangeParams } from "../../../src/domain/charter/change.js";
import type { Passkey as CharterPasskey } from "../../../src/domain/charter/records.js";
import { encodePublicKey, generatePasskey, type Passkey } from "../../../src/passkey/authenticator.js";
import { assertPasskey } from "../../../src/passkey/client.js";

const RP_ID = "registry.example";
const ORIGIN = `https://${RP_ID}`;

/** Pushes and proposes. Ana is responsible for it. */
export const AUTHOR = "ubl:sid:app:ci";
export const OFFICES = ["office::default", "office:infra.deployer", "office:registry"];

const PEOPLE = ["ana", "bob", "carol"] as const;
export type ApproverName = (typeof PEOPLE)[number];

/** The members of a tenant, and the passkeys of those who approve. */
export interface Members {
  readonly params: Pick<ChangeParams<"registry.charter.found">, "persons" | "actors" | "relying_parties">;
  /** Asserts a statement with the approver's passkey. */
  assert(name: ApproverName, statement: Statement): ReturnType<typeof assertPasskey>["assertion"];
}

export function createMembers(): Members {
  const passkeys = new Map<ApproverName, Passkey>();
  for (const name of PEOPLE) {
    const handle = Buffer.from(computeUserHandle(toPersonId(name))).toString("base64url");
    passkeys.set(name, generatePasskey(RP_ID, { handle, name }));
  }
  const buildPerson = (name: ApproverName) => ({
    name,
    emails: [`${name}@example.org`],
    passkeys: [...passkeys].flatMap(([owner, passkey]) => (owner === name ? [toCharterPasskey(passkey)] : [])),
    disabled: false,
  });
  const buildActor = (name: string) => ({
    person_id: toPersonId(name),
    name,
    offices: OFFICES.map((office_id) => ({ office_id, roles: [] })),
    disabled: false,
  });
  return {
    params: {
      persons: Object.fromEntries(PEOPLE.map((name) => [toPersonId(name), buildPerson(name)])),
      actors: {
        [AUTHOR]: buildActor("ana"),
        ...Object.fromEntries(PEOPLE.map((name) => [toActorId(name), buildActor(name)])),
      },
      relying_parties: { [RP_ID]: { origins: [ORIGIN], use: "approve" } },
    },
    assert(name, statement) {
      const own = passkeys.get(name);
      if (own === undefined) throw new Error(`${name} has no passkey.`);
      const { passkey, assertion } = assertPasskey(own, computeStatementChallenge(statement), ORIGIN, RP_ID);
      passkeys.set(name, passkey);
      return assertion;
    },
  };
}

export function toActorId(name: string): string {
  return `ubl:sid:person:${name}`;
}

export function toPersonId(name: string): string {
  return `person:${name}`;
}

function toCharterPasskey(passkey: Passkey): CharterPasskey {
  const public_key = Buffer.from(encodePublicKey(passkey)).toString("base64url");
  const { credential_id, rp_id, user_name } = passkey;
  return { credential_id, public_key, name: user_name, relying_party: rp_id, registration: null, counts_to: "L5" };
}
