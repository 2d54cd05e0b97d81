import { toCanonicalBytes } from "../bytes/canonical.js";
import { type Blake3Hex, hashBlake3, hashBlake3Hex } from "../bytes/hash.js";

/** A further passkey, as its authenticator created it. All members are base64url; `challenge` is that of the registration. */
export interface NewPasskey {
  readonly challenge: string;
  readonly credential_id: string;
  /** Contains the credential's id and public key, so that no other key can be registered with the same assertion. */
  readonly attestation_object: string;
}

/** Computes the challenge with which an earlier passkey confirms a further one: the BLAKE3 of the JCS of its registration, 32 bytes. */
export function computeFurtherPasskeyChallenge(made: NewPasskey): Uint8Array {
  return hashBlake3(toRegistrationBytes(made));
}

export function hashFurtherPasskey(made: NewPasskey): Blake3Hex {
  return hashBlake3Hex(toRegistrationBytes(made));
}

function toRegistrationBytes({ challenge, credential_id, attestation_object }: NewPasskey): Uint8Array {
  return toCanonicalBytes({ challenge, credential_id, attestation_object });
}
