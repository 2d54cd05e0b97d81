import {
  generateAuthenticationOptions,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
} from "@simplewebauthn/server";
import { isoBase64URL } from "@simplewebauthn/server/helpers";
import type { Blake3Hex } from "../../../domain/bytes/hash.js";
import { type Assertion, computeStatementChallenge, hashStatement, type Statement } from "../../../domain/card/statement.js";
import { TERMINAL_ORIGIN } from "../../../domain/charter/passkeys.js";
import { denyWith, grantValue, type Outcome } from "../../../domain/denial.js";
import type { Db } from "../../database/database.js";
import { type AcceptedAssertion, acceptAssertion, findAcceptedCounter, hashAssertion } from "./accepted-assertions.js";
import { formatFailedCheck, parseClientData } from "./client-data.js";
import { computeUserHandle, listPasskeys, type RelyingParty } from "./passkeys.js";

const STEP_UP_TIMEOUT_MS = 120_000;

/** Builds the argument of `navigator.credentials.get` for this statement: its digest as the challenge, and the person's active passkeys. */
export async function createStepUpOptions(
  db: Db,
  { statement, person_id, rp }: { statement: Statement; person_id: string; rp: RelyingParty },
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const passkeys = await listPasskeys(db, person_id);
  return generateAuthenticationOptions({
    rpID: rp.id,
    challenge: new Uint8Array(computeStatementChallenge(statement)),
    allowCredentials: passkeys.filter((p) => !p.disabled).map((p) => ({ id: p.credential_id, transports: [...p.transports] })),
    userVerification: "required",
    timeout: STEP_UP_TIMEOUT_MS,
  });
}

export interface StepUp extends PresentedAssertion {
  readonly statement: Statement;
}

interface PresentedAssertion {
  readonly assertion: Assertion;
  readonly person_id: string;
  readonly rp: RelyingParty;
}

/**
 * Verifies that this person, verified by their authenticator, asserted exactly this statement. An accepted assertion is recorded, so
 * verifying it again returns the same result and a retried step changes nothing. Any other assertion is refused if its counter does not
 * exceed the last accepted one, which indicates a copied authenticator. Denial: `step_up_invalid`, with the check that failed. Source:
 * WebAuthn Level 3 §7.2, contracts "Plan and statements".
 */
export function verifyStepUp(db: Db, { statement, ...asserted }: StepUp): Promise<Outcome<{ credential_id: string }>> {
  const expected = {
    challenge: computeStatementChallenge(statement),
    digest: hashStatement(statement),
    what: "the digest of this statement",
  };
  const rp = { ...asserted.rp, origins: [...asserted.rp.origins, TERMINAL_ORIGIN] };
  return verifyAssertion(db, { ...asserted, ...expected, rp });
}

export interface ExpectedAssertion extends PresentedAssertion {
  /** The BLAKE3 of what is asserted, 32 bytes. */
  readonly challenge: Uint8Array;
  /** The same in hexadecimal, as it is stored. */
  readonly digest: Blake3Hex;
  /** Describes the challenge in a denial. */
  readonly what: string;
}

/** Verifies that this person, verified by their authenticator, asserted exactly this challenge; otherwise as {@link verifyStepUp}. */
export async function verifyAssertion(db: Db, expected: ExpectedAssertion): Promise<Outcome<{ credential_id: string }>> {
  const { assertion, person_id, rp, digest, what } = expected;
  const clientData = parseClientData(assertion.response.clientDataJSON);
  if (clientData === undefined) return denyStepUp("its clientDataJSON cannot be read");
  if (clientData.challenge !== Buffer.from(expected.challenge).toString("base64url")) return denyStepUp(`its challenge is not ${what}`);
  if (clientData.crossOrigin) return denyStepUp("it was made in a frame of another origin");
  const passkey = await findPasskey(db, assertion.id);
  // The same denial for an unknown credential and for another person's, so that it does not reveal which credentials exist.
  if (passkey?.person_id !== person_id) return denyStepUp("the passkey is not one of this person's");
  if (passkey.disabled_at !== null) return denyStepUp("the passkey is disabled");
  if (!isHandleOf(person_id, assertion.response.userHandle)) return denyStepUp("its user handle belongs to another person");

  const assertion_hash = hashAssertion(assertion);
  const accepted = await findAcceptedCounter(db, assertion_hash);
  // The counter must exceed this one. A previously accepted assertion must still have the counter it was accepted with.
  const previousCounter = accepted === undefined ? passkey.counter : accepted - 1;
  const verified = await verifyCounter(assertion, { challenge: clientData.challenge, rp, public_key: passkey.public_key, previousCounter });
  if (!verified.ok) return verified;
  if (accepted !== undefined) return grantValue({ credential_id: assertion.id });
  const { value: counter } = verified;
  const entry: AcceptedAssertion = { assertion_hash, credential_id: assertion.id, counter, statement_digest: digest };
  if (await acceptAssertion(db, entry)) return grantValue({ credential_id: assertion.id });
  return denyStepUp(`its counter ${counter} is not above that of another use of the passkey; sign again`);
}

function findPasskey(db: Db, credentialId: string) {
  return db
    .selectFrom("passkeys")
    .select(["person_id", "public_key", "counter", "disabled_at"])
    .where("credential_id", "=", credentialId)
    .executeTakeFirst();
}

function isHandleOf(personId: string, handle: string | undefined): boolean {
  return handle === undefined || handle === isoBase64URL.fromBuffer(computeUserHandle(personId));
}

interface Expected {
  readonly challenge: string;
  readonly rp: RelyingParty;
  readonly public_key: Uint8Array;
  readonly previousCounter: number;
}

/** Verifies type, origin, relying party, presence, user verification, counter and signature. Returns the new counter. */
async function verifyCounter(assertion: Assertion, { challenge, rp, public_key, previousCounter }: Expected): Promise<Outcome<number>> {
  const { id, rawId, type, response } = assertion;
  const { userHandle: handle, ...required } = response;
  try {
    const result = await verifyAuthenticationResponse({
      response: {
        id,
        rawId,
        type,
        clientExtensionResults: {},
        response: handle === undefined ? required : { ...required, userHandle: handle },
      },
      expectedChallenge: challenge,
      expectedOrigin: [...rp.origins],
      expectedRPID: rp.id,
      requireUserVerification: true,
      credential: { id, publicKey: new Uint8Array(public_key), counter: previousCounter },
    });
    return result.verified ? grantValue(result.authenticationInfo.newCounter) : denyStepUp("its signature does not verify");
  } catch (error) {
    // The library throws to report a failed check.
    return denyStepUp(formatFailedCheck(error));
  }
}

function denyStepUp(why: string): ReturnType<typeof denyWith> {
  return denyWith("step_up_invalid", `The step-up was refused: ${why}.`);
}
