import { type Blake3Hex, hashBlake3Hex } from "../bytes/hash.js";
import type { Passkey } from "./records.js";

/** The origin of the assertions that `ogr` makes for statements. No web page can have it. Source: contracts "Decided twice". */
export const TERMINAL_ORIGIN = "ogr://approve";

/** Computes the BLAKE3 of a passkey's COSE public key. The person compares it outside the registry before the passkey counts. */
export function computePasskeyFingerprint({ public_key }: Pick<Passkey, "public_key">): Blake3Hex {
  return hashBlake3Hex(Buffer.from(public_key, "base64url"));
}
