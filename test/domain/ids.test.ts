import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { computeCardActId } from "../../src/domain/act/act-id.js";
import { hashCanonical } from "../../src/domain/bytes/canonical.js";
import { gitIdSchema } from "../../src/domain/git/git-id.js";
import {
  actorIdSchema,
  blake3Schema,
  cardIdSchema,
  jobIdSchema,
  jtiSchema,
  officeIdSchema,
  parseActorKind,
  projectIdSchema,
  targetSchema,
  tenantIdSchema,
  timeMsSchema,
} from "../../src/domain/ids.js";
import { COMMIT, DIGEST, JTI } from "./samples.js";

interface Grammar {
  readonly schema: z.ZodType<string>;
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

const grammars: Record<string, Grammar> = {
  tenant: {
    schema: tenantIdSchema,
    good: ["T.UBL", "T.a", `T.${"a".repeat(63)}`, "T.a-b_c9"],
    bad: ["T.", "T.9", "T.a.b", "t.UBL", "UBL", `T.${"a".repeat(64)}`, "T.*", "T.UBL/T.B", "T..", "P.demo"],
  },
  project: {
    schema: projectIdSchema,
    good: ["P.demo", "P.9", "P.a.b.c", "P.a_b-c", `P.${"a".repeat(64)}`],
    bad: ["P.", "P..", "P.a..b", "P.a.", "P.-a", "P.a.git", "P.a.GIT", "P.a.lock", `P.${"a".repeat(65)}`, "P.a/b", "P.*", "p.demo"],
  },
  actor: {
    schema: actorIdSchema,
    good: ["ubl:sid:person:admin", "ubl:sid:app:ci", "ubl:sid:agent:x", "ubl:sid:person:ann@example.org"],
    bad: ["ubl:sid:robot:x", "ubl:sid:person:", "ubl:sid:person:*", "person:admin", "ubl:sid:person:a:b", "UBL:sid:person:a"],
  },
  office: {
    schema: officeIdSchema,
    good: ["office::default", "office:infra.deployer", "office:a"],
    bad: ["office:", "office::", "office:::a", "office:A", "office:*", "office:a/b", "default"],
  },
  card: { schema: cardIdSchema, good: ["k-01h8x", `k-${"a".repeat(64)}`], bad: ["k-", "K-1", "k-a.b", `k-${"a".repeat(65)}`, "k-a/b"] },
  jobId: {
    schema: jobIdSchema,
    good: ["job-1", "a", "1:2.3_4", "b".repeat(128)],
    bad: ["", "-a", ".a", "..", "a/b", "b".repeat(129)],
  },
  jti: {
    schema: jtiSchema,
    good: [JTI, computeCardActId("T.UBL", "k-1", 1, DIGEST)],
    bad: [JTI.toUpperCase(), JTI.replaceAll("-", ""), `{${JTI}}`, JTI.replace("-4", "-0"), JTI.replace("-9", "-c")],
  },
  blake3: { schema: blake3Schema, good: [DIGEST], bad: [DIGEST.toUpperCase(), DIGEST.slice(1), `${DIGEST}0`, `0x${DIGEST}`] },
  "git id": { schema: gitIdSchema, good: [COMMIT], bad: [COMMIT.slice(1), COMMIT.toUpperCase(), "HEAD", `${COMMIT}^`] },
  target: { schema: targetSchema, good: ["LAB_512", "LAB_256", "LAB_8GB"], bad: ["*", "LAB_*", "LAB", "lab_512", "LAB_512,LAB_256"] },
};

/** Additions to a valid id by an attacker who wants to reach another key, file or line. */
const HOSTILE_ADDITIONS = [
  "\n",
  "\r",
  "\0",
  " ",
  "/",
  "/..",
  "/../T.OTHER",
  "\\",
  "%2e%2e",
  "\u2028",
  "\u200b",
  "\u202e",
  "\ud800",
  "е",
  "／",
  "․",
  "*",
  "?",
];
const HOSTILE = ["", "__proto__", "..", "../..", "/etc/passwd", ".", "T․UBL", "Т.UBL", "P.dеmo", "k‑1", "ubl:sid:person:ɑ"];

describe.each(Object.entries(grammars))("the grammar of a %s", (_, { schema, good, bad }) => {
  test.each(good.map((id) => [id]))("accepts %j", (id) => {
    expect(schema.parse(id)).toBe(id);
  });

  test.each([...bad, ...HOSTILE].map((id) => [id]))("refuses %j with a message", (id) => {
    const result = schema.safeParse(id);
    expect(result.success).toBe(false);
    expect(result.error?.issues[0]?.message).toMatch(/\.$|\(RFC 9562\)\./);
  });

  test("refuses hostile text before or after a valid id", () => {
    for (const id of good)
      for (const spoil of HOSTILE_ADDITIONS) {
        expect(schema.safeParse(id + spoil).success, JSON.stringify(id + spoil)).toBe(false);
        expect(schema.safeParse(spoil + id).success, JSON.stringify(spoil + id)).toBe(false);
      }
  });

  test("refuses values that are not strings", () => {
    for (const value of [undefined, null, 1, true, {}, [], [good[0]], { toString: () => good[0] }])
      expect(schema.safeParse(value).success).toBe(false);
  });

  test("accepts only printable ASCII without a slash, and is deterministic", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...good).chain(mutateId)), (text) => {
        const accepted = schema.safeParse(text);
        if (accepted.success) expect(accepted.data).toMatch(/^[!-.0-~]+$/);
        expect(schema.safeParse(text).success).toBe(accepted.success);
      }),
    );
  });
});

function mutateId(id: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(id.length), fc.string({ unit: "binary", maxLength: 2 }))
    .map(([at, text]) => id.slice(0, at) + text + id.slice(at));
}

test("an actor id contains its kind", () => {
  expect(["person", "agent", "app"].map((kind) => parseActorKind(`ubl:sid:${kind}:x`))).toEqual(["person", "agent", "app"]);
  expect(() => parseActorKind("ubl:sid:robot:x")).toThrow("actorIdSchema");
});

test("a time is an integer of milliseconds that a double represents exactly", () => {
  for (const good of [0, 1_735_320_000_000, Number.MAX_SAFE_INTEGER]) expect(timeMsSchema.parse(good)).toBe(good);
  for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "1", null])
    expect(timeMsSchema.safeParse(bad).success).toBe(false);
});

describe("the jti of a card's act", () => {
  const anyId = fc.string({ unit: "grapheme", maxLength: 20 });
  const anyRound = fc.integer({ min: 1 });

  test("is a UUIDv8 of RFC 9562 and deterministic", () => {
    fc.assert(
      fc.property(anyId, anyId, anyRound, anyId, (tenant, card, round, digest) => {
        const jti = computeCardActId(tenant, card, round, digest);
        expect(jti).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(jtiSchema.parse(jti)).toBe(jti);
        expect(computeCardActId(tenant, card, round, digest)).toBe(jti);
      }),
    );
  });

  test("carries 122 bits of BLAKE3 over JCS of tenant, card, round and plan digest", () => {
    const digits = hashCanonical(["T.UBL", "k-1", 2, DIGEST]);
    const jti = computeCardActId("T.UBL", "k-1", 2, DIGEST).replaceAll("-", "");
    const removeFixedBits = (hex: string) => hex.slice(0, 12) + hex.slice(13, 16) + hex.slice(17, 32);
    expect(removeFixedBits(jti)).toBe(removeFixedBits(digits));
  });

  test("differs for another tenant, card, round or plan, also with equal concatenations", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(anyId, anyId, anyRound, anyId), { minLength: 2, maxLength: 8, selector: JSON.stringify }),
        (acts) => {
          expect(new Set(acts.map((act) => computeCardActId(...act))).size).toBe(acts.length);
        },
      ),
    );
    expect(computeCardActId("T.A", "k-1", 1, "2")).not.toBe(computeCardActId("T.A", "k-", 11, "2"));
    expect(computeCardActId("T.A", "k-1", 1, "2")).not.toBe(computeCardActId("T.A", "k-1", 12, ""));
  });

  test("differs for each round of a card, so that a plan that returns is another act", () => {
    const jtis = [1, 2, 3].map((round) => computeCardActId("T.UBL", "k-1", round, DIGEST));
    expect(new Set(jtis).size).toBe(3);
  });
});
