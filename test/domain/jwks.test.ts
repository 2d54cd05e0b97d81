import { describe, expect, it } from "vitest";
import { foreignJwksSchema, jwksSchema } from "../../src/domain/bytes/jwks.js";
import { createKey } from "../lab512/jobs/stage.js";

const { jwk } = createKey();

describe("a JWK set that other software wrote", () => {
  it.each([
    ["use and algorithm", { keys: [{ ...jwk, use: "sig", alg: "EdDSA", key_ops: ["verify"] }] }],
    ["another name of the algorithm (RFC 9864)", { keys: [{ ...jwk, alg: "Ed25519" }] }],
    ["members beside the keys", { keys: [jwk], issuer: "x" }],
    ["an RSA key", { keys: [{ kty: "RSA", n: "AQAB", e: "AQAB", kid: "rsa" }, jwk] }],
    ["a key of a type that came later", { keys: [jwk, { kty: "AKP", alg: "ML-DSA-65", pub: "AAAA", kid: "pq" }] }],
    ["a key for encryption", { keys: [{ ...createKey().jwk, use: "enc" }, jwk] }],
  ])("is read with %s", (_, value) => {
    expect(foreignJwksSchema.parse(value)).toEqual({ keys: [jwk] });
    expect(jwksSchema.safeParse(value).success).toBe(false);
  });

  it("is refused with a malformed key of our kind, and without keys", () => {
    for (const value of [{ keys: [{ ...jwk, x: "AAAA" }] }, { keys: [{ ...jwk, kid: "other" }] }, {}, { keys: jwk }])
      expect(foreignJwksSchema.safeParse(value).success).toBe(false);
  });
});
