import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { cose, isoCBOR } from "@simplewebauthn/server/helpers";
import { z } from "zod";

const base64urlSchema = z.string().regex(/^[A-Za-z0-9_-]+$/, "Write base64url without padding.");

/**
 * A stored resident ES256 credential: its site (`rp_id`), its user (`user_handle`), its private key as a JWK, and the counter of its last
 * use.
 */
export const passkeySchema = z.strictObject({
  credential_id: base64urlSchema,
  rp_id: z.string().min(1),
  user_handle: base64urlSchema,
  user_name: z.string(),
  counter: z.int().min(0).max(0xffff_ffff),
  key: z.strictObject({ kty: z.literal("EC"), crv: z.literal("P-256"), x: base64urlSchema, y: base64urlSchema, d: base64urlSchema }),
});
export type Passkey = z.infer<typeof passkeySchema>;

/** Bits of the authenticator data (WebAuthn Level 3 §6.1). */
export const FLAGS = { userPresent: 0x01, userVerified: 0x04, backupEligible: 0x08, attested: 0x40 } as const;

/**
 * The flags of every ceremony. Presence and verification mean only that the process could read a file of its account. The passkey is
 * backup-eligible, because a file can be copied.
 */
export const CEREMONY_FLAGS = FLAGS.userPresent | FLAGS.userVerified | FLAGS.backupEligible;

export function generatePasskey(rpId: string, user: { handle: string; name: string }): Passkey {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { kty, crv, x, y, d } = privateKey.export({ format: "jwk" });
  const credential_id = randomBytes(32).toString("base64url");
  return passkeySchema.parse({
    credential_id,
    rp_id: rpId,
    user_handle: user.handle,
    user_name: user.name,
    counter: 0,
    key: { kty, crv, x, y, d },
  });
}

/** The authenticator data of an assertion: hash of the relying party's id, flags, counter (WebAuthn Level 3 §6.1). */
export function buildAuthenticatorData(rpId: string, flags: number, counter: number): Buffer {
  const data = Buffer.alloc(37);
  createHash("sha256").update(rpId, "utf8").digest().copy(data);
  data.writeUInt8(flags, 32);
  data.writeUInt32BE(counter, 33);
  return data;
}

/** The attestation object of a new passkey, format `none` (WebAuthn Level 3 §6.5, §8.7). */
export function buildAttestationObject(passkey: Passkey, flags: number = CEREMONY_FLAGS): Buffer {
  const credentialId = Buffer.from(passkey.credential_id, "base64url");
  const idLength = Buffer.alloc(2);
  idLength.writeUInt16BE(credentialId.byteLength);
  const aaguid = Buffer.alloc(16);
  const authData = Buffer.concat([
    buildAuthenticatorData(passkey.rp_id, flags | FLAGS.attested, passkey.counter),
    aaguid,
    idLength,
    credentialId,
    encodePublicKey(passkey),
  ]);
  const members = new Map<string, string | Map<string, never> | Uint8Array>([
    ["fmt", "none"],
    ["attStmt", new Map<string, never>()],
    ["authData", new Uint8Array(authData)],
  ]);
  return Buffer.from(isoCBOR.encode(members));
}

/** An assertion's signature: ES256 in DER over the authenticator data and SHA-256 of the client data (WebAuthn Level 3 §6.3.3). */
export function signAssertion(passkey: Passkey, authData: Uint8Array, clientDataJSON: Uint8Array): Buffer {
  const clientDataHash = createHash("sha256").update(clientDataJSON).digest();
  return sign("sha256", Buffer.concat([authData, clientDataHash]), createPrivateKey({ key: passkey.key, format: "jwk" }));
}

/** Encodes the public key as a COSE_Key (RFC 9053 §7.1.1). */
export function encodePublicKey(passkey: Passkey): Uint8Array<ArrayBuffer> {
  return new Uint8Array(isoCBOR.encode(toCosePublicKey(passkey)));
}

function toCosePublicKey({ key }: Passkey): Map<number, number | Uint8Array> {
  const decodeMember = (member: string): Uint8Array => new Uint8Array(Buffer.from(member, "base64url"));
  return new Map<number, number | Uint8Array>([
    [cose.COSEKEYS.kty, cose.COSEKTY.EC2],
    [cose.COSEKEYS.alg, cose.COSEALG.ES256],
    [cose.COSEKEYS.crv, cose.COSECRV.P256],
    [cose.COSEKEYS.x, decodeMember(key.x)],
    [cose.COSEKEYS.y, decodeMember(key.y)],
  ]);
}
