import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { jwksSchema } from "../../src/domain/bytes/jwks.js";
import {
  computeKeyId,
  encodePreAuthentication,
  parseSigningKey,
  type SignedKind,
  signObject,
  verifySignedObject,
} from "../../src/domain/bytes/signature.js";
import { type Permit, permitSchema } from "../../src/domain/permit/permit.js";
import { chooseRuns } from "../harness/campaign.js";
import { createTestKey, key, permit, unsignedPermit } from "./samples.js";

const keys = { keys: [createTestKey().jwk, key.jwk] };
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Lists the paths to members that are not objects, such as `scopes.level`. */
function listPaths(value: object, at: readonly string[] = []): string[][] {
  return Object.entries(value).flatMap(([name, member]) =>
    member !== null && typeof member === "object" ? listPaths(member, [...at, name]) : [[...at, name]],
  );
}

function replaceMember(value: object, path: readonly string[], member: unknown): Permit {
  const copy = structuredClone(value) as Record<string, unknown>;
  const holder = path.slice(0, -1).reduce((inner, name) => inner[name] as Record<string, unknown>, copy);
  const name = path.at(-1) ?? "";
  if (member === undefined) delete holder[name];
  else holder[name] = member;
  return copy as unknown as Permit;
}

describe("a signed permit", () => {
  test("verifies, also after a round trip through JSON", () => {
    expect(verifySignedObject("permit", permit, keys)).toBe("valid");
    const read: unknown = JSON.parse(JSON.stringify(permit));
    expect(verifySignedObject("permit", permitSchema.parse(read), keys)).toBe("valid");
  });

  test("is signed by DSSE over the JCS of the object without `sig`", () => {
    const { sig, ...rest } = permit;
    const type = "application/vnd.ubl.permit.v1+json";
    const body = Buffer.from(toCanonicalBytes(rest));
    const encoded = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${body.length} `), body]);
    expect(Buffer.from(encodePreAuthentication(type, body))).toEqual(encoded);
    expect(verify(null, encoded, createPublicKey({ key: { ...key.jwk }, format: "jwk" }), Buffer.from(sig, "base64"))).toBe(true);
  });

  test.each(listPaths(permit).map((path) => [path.join("."), path] as const))("is refused if `%s` changes", (_, path) => {
    const before = path.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], permit);
    const other = typeof before === "number" ? before + 1 : `${String(before)}x`;
    expect(verifySignedObject("permit", replaceMember(permit, path, other), keys)).not.toBe("valid");
    if (path[0] !== "sig") expect(verifySignedObject("permit", replaceMember(permit, path, undefined), keys)).not.toBe("valid");
  });

  test("is refused with an additional member at any depth", () => {
    for (const path of [["also"], ["scopes", "also"]]) {
      const more = replaceMember(permit, path, "x");
      expect(verifySignedObject("permit", more, keys)).toBe("signature_invalid");
      expect(permitSchema.safeParse(more).success).toBe(false);
    }
  });

  test("is refused if any bit of its signature changes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 511 }), (bit) => {
        const sig = Buffer.from(permit.sig, "base64");
        sig[bit >> 3] = (sig[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verifySignedObject("permit", { ...permit, sig: sig.toString("base64") }, keys)).toBe("signature_invalid");
      }),
      chooseRuns(512),
    );
  });
});

const isKind: Record<SignedKind, true> = {
  permit: true,
  card: true,
  receipt: true,
  refusal: true,
  statement: true,
  head: true,
  claim: true,
  charter: true,
  recovery: true,
  charter_point: true,
  pushes: true,
};
const kinds = Object.keys(isKind) as SignedKind[];

test.each(kinds)("what is signed as a %s verifies as no other kind", (kind) => {
  const signed = signObject(kind, unsignedPermit, key);
  for (const other of kinds) expect(verifySignedObject(other, signed, keys), other).toBe(other === kind ? "valid" : "signature_invalid");
});

describe("a signature encoded", () => {
  const { sig } = permit;
  const bytes = Buffer.from(sig, "base64");
  const scalar = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString("hex")}`) + GROUP_ORDER;
  const plusOrder = Buffer.from(scalar.toString(16).padStart(64, "0"), "hex").reverse();

  test.each([
    ["without padding", sig.replace(/=+$/, "")],
    ["with more padding", `${sig}=`],
    ["with a newline at the end", `${sig}\n`],
    ["with a space inside", `${sig.slice(0, 10)} ${sig.slice(10)}`],
    ["with other unused bits", sig.replace(/.==$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}==`)],
    ["in base64url", bytes.toString("base64url")],
    ["in hexadecimal", bytes.toString("hex")],
    ["with an additional byte", Buffer.concat([bytes, Buffer.from([0])]).toString("base64")],
    ["with a missing byte", bytes.subarray(0, 63).toString("base64")],
    ["with the group's order added to its scalar", Buffer.concat([bytes.subarray(0, 32), plusOrder]).toString("base64")],
    ["as an empty text", ""],
  ])("%s is refused", (_, spelling) => {
    expect(spelling).not.toBe(sig);
    expect(verifySignedObject("permit", { ...permit, sig: spelling }, keys)).toBe("signature_invalid");
  });
});

describe("keys", () => {
  test("a key that is not in the set is unknown", () => {
    const stranger = createTestKey();
    expect(verifySignedObject("permit", signObject("permit", unsignedPermit, stranger), keys)).toBe("key_unknown");
    expect(verifySignedObject("permit", permit, { keys: [] })).toBe("key_unknown");
    expect(verifySignedObject("permit", { sig: permit.sig }, keys)).toBe("key_unknown");
  });

  test("a signature by another key under a known key's id is refused", () => {
    const forged = { ...signObject("permit", unsignedPermit, createTestKey()), kid: key.kid };
    expect(verifySignedObject("permit", forged, keys)).toBe("signature_invalid");
  });

  test("the id is derived from only the public key", () => {
    expect(key.kid).toBe(computeKeyId(key.jwk.x));
    expect(key.kid).toMatch(/^[0-9a-f]{16}$/);
    expect(createTestKey().kid).not.toBe(key.kid);
  });

  test("a set is refused with a key under another key's id, on another curve or with a private part", () => {
    expect(jwksSchema.safeParse({ keys: [key.jwk] }).success).toBe(true);
    expect(jwksSchema.safeParse({ keys: [{ ...key.jwk, kid: createTestKey().kid }] }).error?.issues[0]?.path).toEqual(["keys", 0, "kid"]);
    for (const bad of [
      { ...key.jwk, crv: "X25519" },
      { ...key.jwk, d: key.jwk.x },
      { ...key.jwk, x: `${key.jwk.x}\n` },
    ])
      expect(jwksSchema.safeParse({ keys: [bad] }).success).toBe(false);
  });

  // A revoked key would return under another id, and one key would count as two.
  test("a key is refused in another spelling of the same bytes", () => {
    const last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const x = key.jwk.x.slice(0, -1) + last[last.indexOf(key.jwk.x.at(-1) ?? "") + 1];
    expect(Buffer.from(x, "base64url")).toEqual(Buffer.from(key.jwk.x, "base64url"));
    expect(jwksSchema.safeParse({ keys: [{ ...key.jwk, x, kid: computeKeyId(x) }] }).error?.issues[0]?.path).toEqual(["keys", 0, "x"]);
  });

  test("a private key of another type is refused with the remedy", () => {
    const { privateKey } = generateKeyPairSync("x25519");
    expect(() => parseSigningKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString())).toThrow("openssl genpkey");
  });
});

test("any signed object verifies, and any other object does not", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "grapheme", minLength: 1 }), fc.jsonValue({ maxDepth: 2 })), (value) => {
      const { kid: _, sig: __, ...rest } = value;
      expect(verifySignedObject("statement", signObject("statement", rest, key), keys)).toBe("valid");
    }),
  );
});
