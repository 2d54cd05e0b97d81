import {
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type VerifiedRegistrationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { COSEALG, decodeAttestationObject, isoBase64URL, isoCBOR } from "@simplewebauthn/server/helpers";
import { z } from "zod";
import { computeUserHandle, formatFailedCheck, parseClientData, type RelyingParty } from "../../../decision/assertion.js";
import { computeFurtherPasskeyChallenge, hashFurtherPasskey } from "../../../domain/card/passkey-registration.js";
import type { Assertion } from "../../../domain/card/statement.js";
import { denyWith, grantValue, type Outcome } from "../../../domain/denial.js";
import { formatProblems, parseWith } from "../../../domain/problems.js";
import type { Db } from "../../database/database.js";
import { CHALLENGE_TTL_MS, createRegistrationChallenge, useRegistrationChallenge } from "./passkey-challenges.js";
import { listPasskeys } from "./passkeys.js";
import { verifyOwnAssertion } from "./step-up.js";

const PASSKEYS_MAX = 20;
const VOUCH =
  "You already have a passkey, which must confirm a further one: assert the BLAKE3 of the new registration with it and send the result as `assertion`.";
const ALGORITHMS = [COSEALG.EdDSA, COSEALG.ES256, COSEALG.RS256];

/** A browser's result of `navigator.credentials.create` (WebAuthn Level 3 §5.1, RegistrationResponseJSON). */
const registrationSchema = z.object({
  id: z.string().min(1).max(1024),
  rawId: z.string().max(1024),
  type: z.literal("public-key"),
  response: z.object({
    clientDataJSON: z.string().max(8192),
    attestationObject: z.string().max(65_536),
    transports: z.array(z.string().max(32)).max(16).default([]),
  }),
});
type Registration = z.infer<typeof registrationSchema>;

export interface RegistrationRequest {
  readonly tenant_id: string;
  readonly person_id: string;
  readonly userName: string;
  readonly displayName: string;
  readonly rp: RelyingParty & { readonly name: string };
  /** Whether the authenticator should prove its model. */
  readonly attested: boolean;
  readonly nowMs: number;
}

/** Builds the argument of `navigator.credentials.create`: a resident, user-verifying credential with a single-use challenge. */
export async function createRegistrationOptions(db: Db, request: RegistrationRequest): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const known = await listPasskeys(db, request.tenant_id, request.person_id);
  return generateRegistrationOptions({
    rpName: request.rp.name,
    rpID: request.rp.id,
    userName: request.userName,
    userDisplayName: request.displayName,
    userID: computeUserHandle(request.person_id),
    challenge: await createRegistrationChallenge(db, request.person_id, request.nowMs),
    timeout: CHALLENGE_TTL_MS,
    attestationType: request.attested ? "direct" : "none",
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
    supportedAlgorithmIDs: ALGORITHMS,
    excludeCredentials: known.map(({ credential_id, transports }) => ({ id: credential_id, transports: [...transports] })),
  });
}

export interface RegistrationAnswer {
  readonly tenant_id: string;
  readonly person_id: string;
  readonly name: string;
  readonly response: unknown;
  /** An earlier passkey's assertion for this registration. Required if the person has a passkey. */
  readonly assertion?: Assertion | undefined;
  readonly rp: RelyingParty;
  readonly nowMs: number;
}

/**
 * Verifies a registration and stores the passkey. A person's first passkey in a tenant is trusted on first use. While the person has an
 * enabled passkey there, a further one needs `assertion`: an assertion by an earlier passkey over {@link computeFurtherPasskeyChallenge}. The challenge
 * is consumed before anything is verified, so each challenge allows one attempt. Registrations of one person are serialised, so that only
 * one of two concurrent ones can be the first.
 *
 * Denials: `step_up_required`, which consumes nothing; `step_up_invalid` with the check that failed; `limit_exceeded` if the person
 * already has PASSKEYS_MAX passkeys.
 */
export async function registerPasskey(db: Db, answer: RegistrationAnswer): Promise<Outcome<{ credential_id: string }>> {
  const parsed = parseWith(registrationSchema, answer.response);
  if (!parsed.ok) return denyRegistration(formatProblems(parsed.problems));
  const clientData = parseClientData(parsed.value.response.clientDataJSON);
  if (clientData === undefined) return denyRegistration("its clientDataJSON cannot be read");
  return db.transaction().execute(async (trx) => {
    await trx.selectFrom("persons").select("person_id").where("person_id", "=", answer.person_id).forUpdate().execute();
    return storeRegistration(trx, answer, parsed.value, clientData.challenge);
  });
}

async function storeRegistration(
  db: Db,
  answer: RegistrationAnswer,
  registration: Registration,
  challenge: string,
): Promise<Outcome<{ credential_id: string }>> {
  const { tenant_id, person_id, assertion, rp } = answer;
  const known = await listPasskeys(db, tenant_id, person_id);
  const isFurther = known.some((passkey) => !passkey.disabled);
  if (isFurther && assertion === undefined) return denyWith("step_up_required", VOUCH);
  if (!(await useRegistrationChallenge(db, person_id, challenge, answer.nowMs)))
    return denyRegistration("its challenge was not issued to this person, was already used or has expired; request new options");
  const verified = await verifyRegistration(registration, challenge, rp);
  if (!verified.ok) return verified;
  if (known.length >= PASSKEYS_MAX) return denyWith("limit_exceeded", `A person can have at most ${PASSKEYS_MAX} passkeys.`);
  const { id, publicKey, counter } = verified.value.credential;
  if (isFurther && assertion !== undefined) {
    const registered = { challenge, credential_id: id, attestation_object: registration.response.attestationObject };
    const expected = {
      challenge: computeFurtherPasskeyChallenge(registered),
      digest: hashFurtherPasskey(registered),
      what: "that of this registration",
    };
    const vouched = await verifyOwnAssertion(db, assertion, { ...expected, tenant_id, person_id, rp });
    if (!vouched.ok) return vouched;
  }
  const inserted = await db
    .insertInto("passkeys")
    .values({
      credential_id: id,
      person_id,
      tenant_id,
      public_key: Buffer.from(publicKey),
      counter,
      transports: registration.response.transports,
      name: answer.name,
      relying_party: rp.id,
      client_data_json: registration.response.clientDataJSON,
      attestation_object: registration.response.attestationObject,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning("credential_id")
    .executeTakeFirst();
  return inserted === undefined ? denyRegistration("this credential is already registered") : grantValue(inserted);
}

type Info = NonNullable<VerifiedRegistrationResponse["registrationInfo"]>;

async function verifyRegistration(registration: Registration, challenge: string, rp: RelyingParty): Promise<Outcome<Info>> {
  try {
    const attestationObject = omitCertificates(registration.response.attestationObject);
    const result = await verifyRegistrationResponse({
      response: { ...registration, clientExtensionResults: {}, response: { ...registration.response, attestationObject } },
      expectedChallenge: challenge,
      expectedOrigin: [...rp.origins],
      expectedRPID: rp.id,
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    return result.verified ? grantValue(result.registrationInfo) : denyRegistration("its signature does not verify");
  } catch (error) {
    // The library throws to report a failed check.
    return denyRegistration(formatFailedCheck(error));
  }
}

/**
 * Replaces an attestation with certificates by none: for certificates, the library would fetch revocation lists from URLs that the sender controls.
 * What was sent is stored, and judged by the policy that asks for it.
 */
function omitCertificates(attestationObject: string): string {
  const attestation = decodeAttestationObject(isoBase64URL.toBuffer(attestationObject));
  const format = attestation.get("fmt");
  if (format === "none" || (format === "packed" && attestation.get("attStmt").get("x5c") === undefined)) return attestationObject;
  const bare = new Map<string, string | Map<string, never> | Uint8Array>([
    ["fmt", "none"],
    ["attStmt", new Map<string, never>()],
    ["authData", attestation.get("authData")],
  ]);
  return isoBase64URL.fromBuffer(isoCBOR.encode(bare));
}

function denyRegistration(why: string): ReturnType<typeof denyWith> {
  return denyWith("step_up_invalid", `The passkey was not registered: ${why}.`);
}
