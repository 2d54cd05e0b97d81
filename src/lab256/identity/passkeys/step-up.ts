import { generateAuthenticationOptions, type PublicKeyCredentialRequestOptionsJSON } from "@simplewebauthn/server";
import { denyStepUp, type ExpectedAssertion, type RelyingParty, verifyAssertion } from "../../../decision/assertion.js";
import type { Blake3Hex } from "../../../domain/bytes/hash.js";
import { type Assertion, computeStatementChallenge, type Statement } from "../../../domain/card/statement.js";
import type { Passkey } from "../../../domain/charter/records.js";
import { grantValue, type Outcome } from "../../../domain/denial.js";
import type { Db } from "../../database/database.js";
import { acceptAssertion, findAcceptedCounter, hashAssertion } from "./accepted-assertions.js";
import { listPasskeys } from "./passkeys.js";

const STEP_UP_TIMEOUT_MS = 120_000;

/**
 * Builds the argument of `navigator.credentials.get` for this statement: its digest as the challenge, and those of the person's active passkeys
 * that are among `counting`, so that no authenticator chooses one that would be refused.
 */
export async function createStepUpOptions(
  db: Db,
  {
    statement,
    person_id,
    rp,
    counting,
  }: { statement: Statement; person_id: string; rp: RelyingParty; counting: readonly Pick<Passkey, "credential_id">[] },
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const ids = new Set(counting.map(({ credential_id }) => credential_id));
  const passkeys = await listPasskeys(db, statement.tenant_id, person_id);
  return generateAuthenticationOptions({
    rpID: rp.id,
    challenge: new Uint8Array(computeStatementChallenge(statement)),
    allowCredentials: passkeys
      .filter((p) => !p.disabled && ids.has(p.credential_id))
      .map((p) => ({ id: p.credential_id, transports: [...p.transports] })),
    userVerification: "required",
    timeout: STEP_UP_TIMEOUT_MS,
  });
}

/** A verified assertion of the tenant's passkey `assertion.id`. `digest` is the BLAKE3 of what was asserted. */
export interface VerifiedAssertion {
  readonly tenant_id: string;
  readonly assertion: Assertion;
  readonly counter: number;
  readonly digest: Blake3Hex;
}

/**
 * Accepts a verified assertion once, so that a retried step changes nothing. Any other assertion is refused if its counter does not exceed
 * the last accepted one, which indicates a copied authenticator. Denial: `step_up_invalid`.
 */
export async function acceptStepUp(db: Db, { tenant_id, assertion, counter, digest }: VerifiedAssertion): Promise<Outcome<null>> {
  const assertion_hash = hashAssertion(assertion);
  if ((await findAcceptedCounter(db, tenant_id, assertion_hash)) !== undefined) return grantValue(null);
  const entry = { tenant_id, assertion_hash, credential_id: assertion.id, counter, statement_digest: digest };
  if (await acceptAssertion(db, entry)) return grantValue(null);
  const passkey = await findPasskey(db, tenant_id, assertion.id);
  if (passkey === undefined || passkey.disabled_at !== null)
    return denyStepUp("this registry has not recorded yet that the charter lists the passkey; try again");
  return denyStepUp(`its counter ${counter} is not above ${passkey.counter}, that of another use of the passkey; sign again`);
}

/** Verifies that one of the person's registered passkeys asserted this challenge, and accepts the assertion. */
export async function verifyOwnAssertion(
  db: Db,
  assertion: Assertion,
  expected: Omit<ExpectedAssertion, "publicKey"> & { readonly tenant_id: string; readonly digest: Blake3Hex },
): Promise<Outcome<null>> {
  const { tenant_id, person_id, digest } = expected;
  const passkey = await findPasskey(db, tenant_id, assertion.id);
  // The same denial for an unknown credential and for another person's, so that it does not reveal which credentials exist.
  if (passkey?.person_id !== person_id) return denyStepUp("the passkey is not one of this person's");
  if (passkey.disabled_at !== null) return denyStepUp("the passkey is disabled");
  const counter = await verifyAssertion(assertion, { ...expected, publicKey: passkey.public_key });
  return counter.ok ? acceptStepUp(db, { tenant_id, assertion, counter: counter.value, digest }) : counter;
}

function findPasskey(db: Db, tenantId: string, credentialId: string) {
  return db
    .selectFrom("passkeys")
    .select(["person_id", "public_key", "counter", "disabled_at"])
    .where("tenant_id", "=", tenantId)
    .where("credential_id", "=", credentialId)
    .executeTakeFirst();
}
