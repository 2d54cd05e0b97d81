import { createHash, verify, X509Certificate } from "node:crypto";
import type { Passkey } from "../../domain/charter/records.js";
import { LEVELS, type Level } from "../../domain/level.js";
import type { AuthenticatorModel, PolicyData } from "./data.js";

/** Returns whether a policy lets a passkey decide at a level. */
export type PasskeyFilter = (passkey: Passkey, level: Level) => boolean;

/** A policy with what it asks of passkeys. */
export interface DecidingPolicy {
  readonly data: PolicyData;
  readonly acceptsPasskey: PasskeyFilter;
}

/** The model that an authenticator proved when it created a passkey: its AAGUID, and the certificates of its maker, its own first. */
interface ProvenModel {
  readonly aaguid: string;
  readonly chain: readonly X509Certificate[];
}

type Helpers = typeof import("@simplewebauthn/server/helpers");

/** The proofs of passkeys, whose records never change. */
const proven = new WeakMap<Passkey, ProvenModel | null>();

/** Returns whether a policy accepts only some models of authenticators at some level. */
export function asksForModels(data: PolicyData): boolean {
  return LEVELS.some((level) => data.levels[level].passkeys?.authenticators !== undefined);
}

export async function withPasskeyFilter(data: PolicyData): Promise<DecidingPolicy> {
  return { data, acceptsPasskey: await loadPasskeyFilter(data) };
}

async function loadPasskeyFilter(data: PolicyData): Promise<PasskeyFilter> {
  if (!asksForModels(data)) return () => true;
  const helpers = await import("@simplewebauthn/server/helpers");
  return (passkey, level) => {
    const models = data.levels[level].passkeys?.authenticators;
    if (models === undefined) return true;
    const known = proven.get(passkey);
    const model = known === undefined ? proveModel(helpers, passkey) : known;
    if (known === undefined) proven.set(passkey, model);
    return model !== null && models.some((wanted) => isOfModel(model, wanted));
  };
}

function isOfModel({ aaguid, chain }: ProvenModel, wanted: AuthenticatorModel): boolean {
  const last = chain.at(-1);
  return (
    last !== undefined &&
    aaguid === wanted.aaguid &&
    wanted.roots.some((root) => {
      const anchor = new X509Certificate(Buffer.from(root, "base64"));
      return anchor.raw.equals(last.raw) || isIssuedBy(last, anchor);
    })
  );
}

/**
 * Verifies a passkey's attestation of the format `packed` with a certificate. Regards no time, so that it holds for ever or never. Returns null
 * unless it proves a model. Source: WebAuthn Level 3 §8.2.
 */
function proveModel({ decodeAttestationObject, parseAuthenticatorData }: Helpers, passkey: Passkey): ProvenModel | null {
  const { registration, credential_id, public_key } = passkey;
  if (registration === null) return null;
  try {
    const object = decodeAttestationObject(new Uint8Array(Buffer.from(registration.attestation_object, "base64url")));
    const [authData, statement] = [object.get("authData"), object.get("attStmt")];
    const { aaguid, credentialID, credentialPublicKey } = parseAuthenticatorData(authData);
    const [alg, sig, x5c] = [statement.get("alg"), statement.get("sig"), statement.get("x5c") ?? []];
    const isOfPasskey = isEncoded(credentialID, credential_id) && isEncoded(credentialPublicKey, public_key);
    if (object.get("fmt") !== "packed" || !isOfPasskey || aaguid === undefined || sig === undefined || alg === undefined) return null;
    const chain = x5c.map((der) => new X509Certificate(der));
    const [own] = chain;
    if (own === undefined || own.ca || !isChain(chain) || !namesModel(own, aaguid)) return null;
    const clientDataHash = createHash("sha256").update(Buffer.from(registration.client_data_json, "base64url")).digest();
    if (!verify(toHashName(alg), Buffer.concat([authData, clientDataHash]), own.publicKey, sig)) return null;
    return { aaguid: formatAaguid(aaguid), chain };
  } catch {
    // What cannot be decoded proves nothing.
    return null;
  }
}

function isEncoded(bytes: Uint8Array | undefined, base64url: string): boolean {
  return bytes !== undefined && Buffer.from(bytes).toString("base64url") === base64url;
}

function isChain(chain: readonly X509Certificate[]): boolean {
  return chain.slice(1).every((issuer, at) => {
    const issued = chain[at];
    return issued !== undefined && isIssuedBy(issued, issuer);
  });
}

function isIssuedBy(issued: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && issued.verify(issuer.publicKey);
}

/** id-fido-gen-ce-aaguid, 1.3.6.1.4.1.45724.1.1.4, as an OBJECT IDENTIFIER in DER. */
const AAGUID_EXTENSION = Buffer.from("060b2b0601040182e51c010104", "hex");

/** Returns whether a certificate is for this model, or for none in particular: its extension holds the AAGUID in two octet strings. */
function namesModel({ raw }: X509Certificate, aaguid: Uint8Array): boolean {
  const at = raw.indexOf(AAGUID_EXTENSION);
  if (at === -1) return true;
  const value = raw.subarray(at + AAGUID_EXTENSION.length);
  return value.subarray(0, 20).equals(Buffer.concat([Buffer.of(0x04, 0x12, 0x04, 0x10), aaguid]));
}

/** The hash of a COSE algorithm's signatures (RFC 9053 §2); null for EdDSA. @throws TypeError for any other algorithm. */
function toHashName(alg: number): "sha256" | null {
  if (alg === -7 || alg === -257) return "sha256";
  if (alg === -8) return null;
  throw new TypeError(`Attestations with the algorithm ${alg} are not verified.`);
}

function formatAaguid(aaguid: Uint8Array): string {
  return Buffer.from(aaguid)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
