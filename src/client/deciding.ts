import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from "@simplewebauthn/server";
import { decodeAttestationObject, isoBase64URL, parseAuthenticatorData } from "@simplewebauthn/server/helpers";
import { computeFurtherPasskeyChallenge } from "../domain/card/passkey-registration.js";
import { type Assertion, computeStatementChallenge, type Statement, type StatementDecision } from "../domain/card/statement.js";
import { computePasskeyFingerprint, TERMINAL_ORIGIN } from "../domain/charter/passkeys.js";
import type { RegisteredPasskey } from "./answers.js";
import { type Answer, Refused, requireValue } from "./http/problem.js";
import type { RegistryClient } from "./http/registry-client.js";

/** Creates and uses passkeys (WebAuthn Level 3 §5.1.3, §5.1.4). */
export interface Authenticator {
  list(): Promise<readonly { readonly credential_id: string }[]>;
  create(options: PublicKeyCredentialCreationOptionsJSON, origin: string): Promise<RegistrationResponseJSON>;
  /** Asserts a challenge. No other assertion is made until `use` has settled, so counters reach the registry in their order. */
  assert<T>(
    request: PublicKeyCredentialRequestOptionsJSON,
    origin: string,
    rpId: string,
    use: (assertion: Assertion) => Promise<T>,
  ): Promise<T>;
}

/** Returns the origin with which a terminal registers passkeys. Passkeys need a host name, so loopback addresses become `localhost`. */
export function resolvePasskeyOrigin(server: string): string {
  const url = new URL(server);
  if (url.hostname === "127.0.0.1" || url.hostname === "[::1]") url.hostname = "localhost";
  return url.origin;
}

/**
 * Creates and registers a passkey for the caller. If they already have one, it vouches for the new one.
 *
 * @throws Refused, also if the registry answers with another key than the authenticator's
 */
export async function registerPasskey(client: RegistryClient, passkeys: Authenticator, name: string): Promise<RegisteredPasskey> {
  const origin = resolvePasskeyOrigin(client.connection.server);
  const vouching = await listVouchingPasskeys(client, passkeys);
  const asked = requireValue(await client.requestPasskeyOptions()) as unknown as PublicKeyCredentialCreationOptionsJSON;
  if (vouching.length === 0) {
    const response = await passkeys.create(asked, origin);
    return requireOwnKey(response, requireValue(await client.registerPasskey(response, name)));
  }
  // The caller may want a second passkey in the same file, for example to replace a key, so nothing is excluded.
  const response = await passkeys.create({ ...asked, excludeCredentials: [] }, origin);
  const made = { challenge: asked.challenge, credential_id: response.id, attestation_object: response.response.attestationObject };
  const challenge = Buffer.from(computeFurtherPasskeyChallenge(made)).toString("base64url");
  const allowCredentials = vouching.map((id) => ({ id, type: "public-key" as const }));
  const register = (assertion: Assertion) => client.registerPasskey(response, name, assertion);
  const rpId = asked.rp.id ?? new URL(origin).hostname;
  return requireOwnKey(response, requireValue(await passkeys.assert({ challenge, allowCredentials }, origin, rpId, register)));
}

/** A charter names what the registry answers, so a key that the registry swapped would let it approve as the person. */
function requireOwnKey(response: RegistrationResponseJSON, registered: RegisteredPasskey): RegisteredPasskey {
  const public_key = readPublicKey(response);
  const { record, fingerprint } = registered;
  const isOwn =
    record.credential_id === response.id && record.public_key === public_key && fingerprint === computePasskeyFingerprint({ public_key });
  if (isOwn) return registered;
  throw new Refused({
    title: "The registry names another passkey",
    status: 403,
    code: "step_up_invalid",
    detail: `Your authenticator created the key ${computePasskeyFingerprint({ public_key })}, but the registry answers with ${computePasskeyFingerprint(record)}.`,
    next: "Do not let the charter name this passkey, and tell the operator.",
  });
}

/** Reads the COSE public key that the authenticator's own answer contains, in base64url. */
function readPublicKey({ response }: RegistrationResponseJSON): string {
  const attestation = decodeAttestationObject(isoBase64URL.toBuffer(response.attestationObject));
  const { credentialPublicKey } = parseAuthenticatorData(attestation.get("authData"));
  if (credentialPublicKey === undefined) throw new Error("The authenticator's answer has no public key; use another authenticator.");
  return isoBase64URL.fromBuffer(credentialPublicKey);
}

/** Lists the caller's passkeys that can vouch for another here; none if they have none at all. @throws Refused */
async function listVouchingPasskeys(client: RegistryClient, passkeys: Authenticator): Promise<readonly string[]> {
  const active = requireValue(await client.listPasskeys()).filter((passkey) => !passkey.disabled);
  const held = new Set((await passkeys.list()).map((passkey) => passkey.credential_id));
  const vouching = active.filter((passkey) => held.has(passkey.credential_id)).map((passkey) => passkey.credential_id);
  if (active.length === 0 || vouching.length > 0) return vouching;
  throw new Refused({
    title: "A passkey is needed",
    status: 403,
    code: "step_up_required",
    detail: "You have a passkey, which must confirm a further one; the passkey file in use does not contain it.",
    next: "Use the passkey file that holds it, or have the lost passkey disabled first.",
  });
}

export interface DecisionAsk {
  readonly card_id: string;
  readonly decision: StatementDecision;
  readonly office_id: string;
  /** The plan that the caller saw. Nothing is stated if the plan has changed since. */
  readonly plan_digest?: string | undefined;
}

/**
 * States a decision about a card's current plan, with step-up if the registry asks for it. Computes the challenge from the statement, so
 * that a registry cannot obtain a signature for another statement than it shows.
 */
export async function submitDecision(
  client: RegistryClient,
  passkeys: Authenticator,
  wanted: DecisionAsk,
): Promise<Answer<{ status: string }>> {
  const prepared = await client.prepareStatement(wanted.card_id, wanted.decision, wanted.office_id);
  if (!prepared.ok) return prepared;
  const { statement, step_up } = prepared.value;
  assertStatementMatches(statement, wanted, client);
  let verdict: Awaited<ReturnType<typeof client.submitStatement>>;
  if (step_up === null) verdict = await client.submitStatement(statement);
  else {
    const challenge = Buffer.from(computeStatementChallenge(statement)).toString("base64url");
    const options = { ...step_up, challenge } as PublicKeyCredentialRequestOptionsJSON;
    const rpId = step_up.rpId ?? new URL(resolvePasskeyOrigin(client.connection.server)).hostname;
    const submit = (assertion: Assertion) => client.submitStatement(statement, assertion);
    verdict = await passkeys.assert(options, TERMINAL_ORIGIN, rpId, submit);
  }
  if (!verdict.ok) return verdict;
  const { accepted, denial, state } = verdict.value;
  if (accepted) return { ok: true, status: verdict.status, value: { status: state.status } };
  const code = denial?.code ?? "internal";
  return { ok: false, status: 403, problem: { title: "The statement was not accepted", status: 403, code, detail: denial?.message ?? "" } };
}

function assertStatementMatches(statement: Statement, wanted: DecisionAsk, client: RegistryClient): void {
  const differs =
    statement.card_id !== wanted.card_id ||
    statement.decision !== wanted.decision ||
    statement.tenant_id !== client.tenant_id ||
    statement.office_id !== wanted.office_id ||
    (wanted.plan_digest !== undefined && statement.plan_digest !== wanted.plan_digest);
  if (differs)
    throw new Refused({
      title: "The plan has changed",
      status: 409,
      code: "plan_changed",
      detail: `The card ${wanted.card_id} now has another plan (${statement.plan_digest}) than the one you saw.`,
      next: "Review the card again and decide again.",
    });
}
