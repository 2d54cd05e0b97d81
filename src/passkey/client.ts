import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from "@simplewebauthn/server";
import { COSEALG } from "@simplewebauthn/server/helpers";
import type { Assertion } from "../domain/card/statement.js";
import { TERMINAL_ORIGIN } from "../domain/charter/passkeys.js";
import {
  buildAttestationObject,
  buildAuthenticatorData,
  CEREMONY_FLAGS,
  generatePasskey,
  type Passkey,
  signAssertion,
} from "./authenticator.js";

/**
 * Creates a passkey for a site and the response that registers it, as a browser and its authenticator do in
 * `navigator.credentials.create` (WebAuthn Level 3 §5.1.3). {@link openPasskeyFile} says what a software key proves.
 *
 * @throws if `origin` is not a page of the relying party, or the site does not accept ES256.
 */
export function createPasskey(
  options: PublicKeyCredentialCreationOptionsJSON,
  origin: string,
): { passkey: Passkey; response: RegistrationResponseJSON } {
  const rpId = options.rp.id ?? new URL(origin).hostname;
  assertOrigin(origin, rpId);
  if (!options.pubKeyCredParams.some((offered) => offered.alg === COSEALG.ES256))
    throw new Error("The registry does not accept ES256 keys, the only kind that a software passkey has; use another authenticator.");
  const passkey = generatePasskey(rpId, { handle: options.user.id, name: options.user.name });
  const response: RegistrationResponseJSON = {
    id: passkey.credential_id,
    rawId: passkey.credential_id,
    type: "public-key",
    clientExtensionResults: { credProps: { rk: true } },
    authenticatorAttachment: "platform",
    response: {
      clientDataJSON: buildClientData("webauthn.create", options.challenge, origin).toString("base64url"),
      attestationObject: buildAttestationObject(passkey).toString("base64url"),
      transports: ["internal"],
    },
  };
  return { passkey, response };
}

/** A site's options, or the 32 bytes of a challenge that the caller computed from what it shows to the person. */
export type AssertionRequest = PublicKeyCredentialRequestOptionsJSON | Uint8Array;

/**
 * Asserts a challenge, as a browser and its authenticator do in `navigator.credentials.get` (WebAuthn Level 3 §5.1.4). The caller stores
 * the returned passkey, whose counter has increased, before it releases the assertion.
 *
 * @throws if `origin` is neither a page of the relying party nor {@link TERMINAL_ORIGIN}, or the options ask for other passkeys.
 */
export function assertPasskey(
  passkey: Passkey,
  request: AssertionRequest,
  origin: string,
  rpId: string,
): { passkey: Passkey; assertion: Assertion } {
  if (origin !== TERMINAL_ORIGIN) assertOrigin(origin, rpId);
  if (!canAnswerRequest(passkey, request, rpId))
    throw new Error(`The passkey ${passkey.credential_id} is not one that ${rpId} asks for; register it there first.`);
  const used = { ...passkey, counter: passkey.counter + 1 };
  const clientDataJSON = buildClientData("webauthn.get", encodeChallenge(request), origin);
  const authData = buildAuthenticatorData(rpId, CEREMONY_FLAGS, used.counter);
  const assertion: Assertion = {
    id: used.credential_id,
    rawId: used.credential_id,
    type: "public-key",
    clientExtensionResults: {},
    authenticatorAttachment: "platform",
    response: {
      clientDataJSON: clientDataJSON.toString("base64url"),
      authenticatorData: authData.toString("base64url"),
      signature: signAssertion(used, authData, clientDataJSON).toString("base64url"),
      userHandle: used.user_handle,
    },
  };
  return { passkey: used, assertion };
}

/** Whether this passkey is for the same site, and one that the options allow. */
export function canAnswerRequest(passkey: Passkey, request: AssertionRequest, rpId: string): boolean {
  if (passkey.rp_id !== rpId) return false;
  if (request instanceof Uint8Array) return true;
  if (request.rpId !== undefined && request.rpId !== rpId) return false;
  const allowed = request.allowCredentials ?? [];
  return allowed.length === 0 || allowed.some((credential) => credential.id === passkey.credential_id);
}

/** Collected client data (WebAuthn Level 3 §5.8.1), in the member order of its serialisation (§5.8.1.1). */
export function buildClientData(type: "webauthn.create" | "webauthn.get", challenge: string, origin: string): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }), "utf8");
}

function encodeChallenge(request: AssertionRequest): string {
  return request instanceof Uint8Array ? Buffer.from(request).toString("base64url") : request.challenge;
}

/** As in a browser, a page can use only passkeys of its own domain or a parent domain. Otherwise any site could use those of another. */
function assertOrigin(origin: string, rpId: string): void {
  const { hostname } = new URL(origin);
  if (hostname !== rpId && !hostname.endsWith(`.${rpId}`))
    throw new Error(`The origin ${origin} may not use passkeys of ${rpId}; check the registry's address.`);
}
