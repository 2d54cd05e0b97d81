import { createHash, createPrivateKey, sign } from "node:crypto";
import { isoCBOR } from "@simplewebauthn/server/helpers";
import type { Passkey } from "../../../src/domain/charter/records.js";
import { buildAuthenticatorData, CEREMONY_FLAGS, encodePublicKey, FLAGS } from "../../../src/passkey/authenticator.js";
import { buildClientData } from "../../../src/passkey/client.js";
import type { CharterPasskey } from "../judging.js";

/** The maker's CA. */
export const ROOT = [
  "MIIBdzCCAR2gAwIBAgIUb8vkLodnxjaSuKllOqVTkmpujvMwCgYIKoZIzj0EAwIwEDEOMAwGA1UEAwwFTWFrZXIwIBcNMjYxMTMwMDEzMzE0WhgPMjEyNjEx",
  "MDYwMTMzMTRaMBAxDjAMBgNVBAMMBU1ha2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEbGhCVOFXyfdEy9I9DeTvhpa79EZvZaoFrUDZ7qf75brUgmf",
  "WASkaf7eZHj2+tfW5SxTayBZ4SA2wzXi/H8MRaNTMFEwHQYDVR0OBBYEFL0nzGaS2BTh25tOzPrvDAmsIm9CMB8GA1UdIwQYMBaAFL0nzGaS2BTh25tOzPrv",
  "DAmsIm9CMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgP4yJ3I5YaWu8Za4ZhFgs2+8gNZVgGYWRlT9SOFBiymQCIQCXJ3Pz0aEnPCwA2fkd",
  "yo7nUlz3jLtaTdtux8ERsF6Jhw==",
].join("");

/** Another maker's CA of the same name. */
export const OTHER_ROOT = [
  "MIIBdzCCAR2gAwIBAgIUfPa2GaC8sGepm3lKx9HAfjxZUKEwCgYIKoZIzj0EAwIwEDEOMAwGA1UEAwwFTWFrZXIwIBcNMjYxMTMwMDEzMzE0WhgPMjEyNjEx",
  "MDYwMTMzMTRaMBAxDjAMBgNVBAMMBU1ha2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGPvHFARtroZr0epY6Wx3j389cqNfSUPmeOIc/yIhvryCWVWH",
  "r/9ExVhSJfl1SjIL9HiU6zqN3L8UkDJ93n1h06NTMFEwHQYDVR0OBBYEFC7uPkcaZbyu3kyPHlcwSJlb3XtUMB8GA1UdIwQYMBaAFC7uPkcaZbyu3kyPHlcw",
  "SJlb3XtUMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAJ3EVnQC8JUY1y80+pzAqlhSjE9ngNJqWRFeb1l7Hc8PAiBVt1oITlllfFmTKr/i",
  "XF/bwdKAVFbHod2Y7hQoPYs1YA==",
].join("");

/** The certificate of a model, signed by the maker, valid for a day in 2026. */
export const CERTIFICATE = [
  "MIIBwzCCAWmgAwIBAgIBAjAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVNYWtlcjAeFw0yNjExMzAwMTMzMTRaFw0yNjEyMDEwMTMzMTRaMFExCzAJBgNVBAYT",
  "AkFUMQ4wDAYDVQQKDAVNYWtlcjEiMCAGA1UECwwZQXV0aGVudGljYXRvciBBdHRlc3RhdGlvbjEOMAwGA1UEAwwFTW9kZWwwWTATBgcqhkjOPQIBBggqhkjO",
  "PQMBBwNCAASPt8pKx9/okXGt6751KHFJaswWxPgQJ5dJW5VhhD8vBJG0R83zVBaDtQqm9xqVebFo1qVvFWjs4uMnfmeM4PAfo3MwcTAMBgNVHRMBAf8EAjAA",
  "MCEGCysGAQQBguUcAQEEBBIEEAECAwQFBgcICQoLDA0ODxAwHQYDVR0OBBYEFOqE4M2av618kbntidfhLriIov38MB8GA1UdIwQYMBaAFL0nzGaS2BTh25tO",
  "zPrvDAmsIm9CMAoGCCqGSM49BAMCA0gAMEUCIE8E9NVqeMKoG1s2hrlGRzJ3/Njx6QTZ01yoPnBDL1CwAiEA7JaCkWRi5Jz1dz6O4g8QJ1w5Mmf4n6GmxvyM",
  "zNYwGjU=",
].join("");

/** A certificate of the same key that is itself a CA. */
export const CA_CERTIFICATE = [
  "MIIBozCCAUmgAwIBAgIBAzAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVNYWtlcjAeFw0yNjExMzAwMTMzMTVaFw0yNjEyMDEwMTMzMTVaMFExCzAJBgNVBAYT",
  "AkFUMQ4wDAYDVQQKDAVNYWtlcjEiMCAGA1UECwwZQXV0aGVudGljYXRvciBBdHRlc3RhdGlvbjEOMAwGA1UEAwwFTW9kZWwwWTATBgcqhkjOPQIBBggqhkjO",
  "PQMBBwNCAASPt8pKx9/okXGt6751KHFJaswWxPgQJ5dJW5VhhD8vBJG0R83zVBaDtQqm9xqVebFo1qVvFWjs4uMnfmeM4PAfo1MwUTAPBgNVHRMBAf8EBTAD",
  "AQH/MB0GA1UdDgQWBBTqhODNmr+tfJG57YnX4S64iKL9/DAfBgNVHSMEGDAWgBS9J8xmktgU4dubTsz67wwJrCJvQjAKBggqhkjOPQQDAgNIADBFAiBGgL/v",
  "nJI1R0/RGKw5Eu9w+1RfiYSz9go6Srk5Uy7AJwIhAKm8lJtmXi/fI+urCEIuBom8CaozC43/Bf1HgUwxrdfT",
].join("");

/** A certificate that the model's certificate issued, which is no CA. */
export const ISSUED_BY_NO_CA = [
  "MIIB5jCCAYugAwIBAgIBCTAKBggqhkjOPQQDAjBRMQswCQYDVQQGEwJBVDEOMAwGA1UECgwFTWFrZXIxIjAgBgNVBAsMGUF1dGhlbnRpY2F0b3IgQXR0ZXN0",
  "YXRpb24xDjAMBgNVBAMMBU1vZGVsMB4XDTI2MTEzMDAxNTIzMVoXDTI2MTIwMTAxNTIzMVowUzELMAkGA1UEBhMCQVQxEDAOBgNVBAoMB01hbGxvcnkxIjAg",
  "BgNVBAsMGUF1dGhlbnRpY2F0b3IgQXR0ZXN0YXRpb24xDjAMBgNVBAMMBU1vZGVsMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEj7fKSsff6JFxreu+dShx",
  "SWrMFsT4ECeXSVuVYYQ/LwSRtEfN81QWg7UKpvcalXmxaNalbxVo7OLjJ35njODwH6NSMFAwDAYDVR0TAQH/BAIwADAhBgsrBgEEAYLlHAEBBAQSBBABAgME",
  "BQYHCAkKCwwNDg8QMB0GA1UdDgQWBBTqhODNmr+tfJG57YnX4S64iKL9/DAKBggqhkjOPQQDAgNJADBGAiEArb2aw20vaLoxmoBCELmv+DDv6fJIf23PBxKa",
  "Pj8DbE8CIQCCe1nUp6auhvI5bqVqMva9i6A0cvMn7COFklb87fOhtg==",
].join("");

/** The key of all these certificates but the roots, which is in every authenticator of the model: PKCS #8. */
const KEY = [
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqj6C5B8Ngx5h9+6dYX+cis14KpTLv410mVIPq14QxVChRANCAASPt8pKx9/okXGt6751KHFJ",
  "aswWxPgQJ5dJW5VhhD8vBJG0R83zVBaDtQqm9xqVebFo1qVvFWjs4uMnfmeM4PAf",
].join("");

/** The AAGUID that the certificate names. */
export const AAGUID = "01020304-0506-0708-090a-0b0c0d0e0f10";

export interface Attested {
  readonly aaguid?: string;
  readonly x5c?: readonly string[];
  readonly fmt?: string;
  /** Changes what the authenticator signed. */
  readonly change?: (signed: Buffer) => Buffer;
}

/** Returns the passkey's record with an attestation of the format `packed`, as an authenticator of the model makes it. */
export function attestModel(
  { own, record }: CharterPasskey,
  { aaguid = AAGUID, x5c = [CERTIFICATE], fmt = "packed", change = (signed) => signed }: Attested = {},
): Passkey {
  const id = Buffer.from(own.credential_id, "base64url");
  const idLength = Buffer.alloc(2);
  idLength.writeUInt16BE(id.byteLength);
  const authData = Buffer.concat([
    buildAuthenticatorData(own.rp_id, CEREMONY_FLAGS | FLAGS.attested, 0),
    Buffer.from(aaguid.replaceAll("-", ""), "hex"),
    idLength,
    id,
    encodePublicKey(own),
  ]);
  const clientData = buildClientData("webauthn.create", "AAAA", `https://${own.rp_id}`);
  const key = createPrivateKey({ key: Buffer.from(KEY, "base64"), format: "der", type: "pkcs8" });
  const signed = change(Buffer.concat([authData, createHash("sha256").update(clientData).digest()]));
  const statement = new Map<string, number | Uint8Array | Uint8Array[]>([
    ["alg", -7],
    ["sig", new Uint8Array(sign("sha256", signed, key))],
    ["x5c", x5c.map((one) => new Uint8Array(Buffer.from(one, "base64")))],
  ]);
  const object = new Map<string, string | typeof statement | Uint8Array>([
    ["fmt", fmt],
    ["attStmt", statement],
    ["authData", new Uint8Array(authData)],
  ]);
  const attestation_object = Buffer.from(isoCBOR.encode(object)).toString("base64url");
  return { ...record, registration: { client_data_json: clientData.toString("base64url"), attestation_object } };
}
