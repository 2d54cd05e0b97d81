import { z } from "zod";
import { hashBlake3 } from "../domain/bytes/hash.js";
import type { Assertion } from "../domain/card/statement.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import { parseJson } from "../domain/json.js";

/** A WebAuthn relying party: `id` is a domain, `origins` are the pages that may request assertions (`https://registry.example`). */
export interface RelyingParty {
  readonly id: string;
  readonly origins: readonly string[];
}

/** What an assertion must prove. */
export interface ExpectedAssertion {
  /** The BLAKE3 of what is asserted, 32 bytes. */
  readonly challenge: Uint8Array;
  /** Describes the challenge in a denial. */
  readonly what: string;
  readonly person_id: string;
  readonly rp: RelyingParty;
  /** A COSE_Key. */
  readonly publicKey: Uint8Array;
}

/**
 * Verifies that the passkey of a person, verified by their authenticator, asserted exactly this challenge on a page of the relying party.
 * Returns the counter. Pure. Denial: `step_up_invalid`, with the check that failed. Source: WebAuthn Level 3 §7.2.
 */
export async function verifyAssertion(assertion: Assertion, expected: ExpectedAssertion): Promise<Outcome<number>> {
  const { challenge, what, person_id, rp, publicKey } = expected;
  const clientData = parseClientData(assertion.response.clientDataJSON);
  if (clientData === undefined) return denyStepUp("its clientDataJSON cannot be read");
  if (clientData.challenge !== Buffer.from(challenge).toString("base64url")) return denyStepUp(`its challenge is not ${what}`);
  if (clientData.crossOrigin) return denyStepUp("it was made in a frame of another origin");
  const { id, rawId, type, response } = assertion;
  const { userHandle, ...required } = response;
  if (userHandle !== undefined && userHandle !== Buffer.from(computeUserHandle(person_id)).toString("base64url"))
    return denyStepUp("its user handle belongs to another person");
  // Loaded when it is needed first: most acts and most commands need no passkey.
  const [{ verifyAuthenticationResponse }, { cose, decodeCredentialPublicKey }] = await Promise.all([
    import("@simplewebauthn/server"),
    import("@simplewebauthn/server/helpers"),
  ]);
  try {
    const isEcdsa = cose.isCOSEPublicKeyEC2(decodeCredentialPublicKey(new Uint8Array(publicKey)));
    if (isEcdsa && !isWholeDer(Buffer.from(response.signature, "base64url"))) return denyStepUp("its signature is not one DER value");
    const result = await verifyAuthenticationResponse({
      response: {
        id,
        rawId,
        type,
        clientExtensionResults: {},
        response: userHandle === undefined ? required : { ...required, userHandle },
      },
      expectedChallenge: clientData.challenge,
      expectedOrigin: [...rp.origins],
      expectedRPID: rp.id,
      requireUserVerification: true,
      // Only LAB 256 knows the last counter.
      credential: { id, publicKey: new Uint8Array(publicKey), counter: 0 },
    });
    return result.verified ? grantValue(result.authenticationInfo.newCounter) : denyStepUp("its signature does not verify");
  } catch (error) {
    // The library throws to report a failed check.
    return denyStepUp(formatFailedCheck(error));
  }
}

/** Returns whether the bytes are one DER sequence, because the library ignores what follows it: one signature would have many spellings. */
function isWholeDer(bytes: Uint8Array): boolean {
  const [tag, length = 0, next = 0] = bytes;
  return tag === 0x30 && (length < 0x80 ? bytes.byteLength === 2 + length : length === 0x81 && bytes.byteLength === 3 + next);
}

/** Computes a person's WebAuthn user handle: 32 bytes that reveal nothing about the person (WebAuthn Level 3 §14.6.1). */
export function computeUserHandle(personId: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hashBlake3(Buffer.from(personId, "utf8")));
}

const clientDataSchema = z.object({ challenge: z.string().max(1024), crossOrigin: z.boolean().default(false) });

/** The members of collected client data (WebAuthn Level 3 §5.8.1) that are read before the library verifies the whole. */
type ClientData = z.infer<typeof clientDataSchema>;

/** Parses base64url client data. Returns undefined if it is malformed. */
export function parseClientData(encoded: string): ClientData | undefined {
  return clientDataSchema.safeParse(parseJson(Buffer.from(encoded, "base64url").toString("utf8"))).data;
}

const REASON_CHARACTERS_MAX = 300;

/**
 * Formats the failed check from the library's exception, without the final period. The text is truncated because it repeats the sender's
 * input.
 */
export function formatFailedCheck(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, REASON_CHARACTERS_MAX).replace(/\.$/, "");
}

export function denyStepUp(why: string): ReturnType<typeof denyWith> {
  return denyWith("step_up_invalid", `The step-up was refused: ${why}.`);
}
