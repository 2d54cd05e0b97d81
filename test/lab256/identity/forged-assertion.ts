import type { Assertion } from "../../../src/domain/card/statement.js";
import { buildAuthenticatorData, CEREMONY_FLAGS, type Passkey, signAssertion } from "../../../src/passkey/authenticator.js";

export interface Forgery {
  readonly passkey: Passkey;
  readonly challenge: Uint8Array;
  readonly origin: string;
  readonly rpId?: string;
  readonly flags?: number;
  readonly counter?: number;
  readonly clientData?: Record<string, unknown>;
}

/** Makes an assertion whose members an attacker controls, signed with the real key. */
export function forgeAssertion({ passkey, challenge, origin, rpId, flags, counter, clientData }: Forgery): Assertion {
  const members = {
    type: "webauthn.get",
    challenge: Buffer.from(challenge).toString("base64url"),
    origin,
    crossOrigin: false,
    ...clientData,
  };
  const clientDataJSON = Buffer.from(JSON.stringify(members));
  const authData = buildAuthenticatorData(rpId ?? passkey.rp_id, flags ?? CEREMONY_FLAGS, counter ?? passkey.counter + 1);
  return {
    id: passkey.credential_id,
    rawId: passkey.credential_id,
    type: "public-key",
    clientExtensionResults: {},
    response: {
      clientDataJSON: clientDataJSON.toString("base64url"),
      authenticatorData: authData.toString("base64url"),
      signature: signAssertion(passkey, authData, clientDataJSON).toString("base64url"),
      userHandle: passkey.user_handle,
    },
  };
}
