import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { signedStatementSchema, statementSchema } from "../../src/domain/card/statement.js";
import { claimSchema } from "../../src/domain/permit/claim.js";
import { envelopeSchema } from "../../src/domain/permit/envelope.js";
import { permitSchema } from "../../src/domain/permit/permit.js";
import { permitEndSchema } from "../../src/domain/permit/permit-end.js";
import { receiptSchema, refusalSchema } from "../../src/domain/permit/receipt.js";
import { parseWith } from "../../src/domain/problems.js";
import * as sample from "./samples.js";

/** Signed, claimed or stored objects, whose members must be exact except for the `optional` ones. */
const kept: Record<string, { schema: z.ZodType; value: object; optional?: readonly string[]; nullable?: readonly string[] }> = {
  permit: { schema: permitSchema, value: sample.permit },
  "permit's scopes": {
    schema: permitSchema.shape.scopes,
    value: sample.permit.scopes,
    optional: ["approval_ref", "plan_digest"],
  },
  envelope: { schema: envelopeSchema, value: sample.envelope },
  receipt: { schema: receiptSchema, value: sample.receipt, nullable: ["person_id", "previous_act"] },
  refusal: { schema: refusalSchema, value: sample.refusal },
  statement: { schema: statementSchema, value: sample.statement },
  "signed statement": { schema: signedStatementSchema, value: sample.signedStatement },
  claim: { schema: claimSchema, value: sample.claim },
  "end of a permit": { schema: permitEndSchema, value: sample.permitEnd },
};

describe.each(Object.entries(kept))("a %s", (_, { schema, value, optional = [], nullable = [] }) => {
  test("is parsed without change", () => {
    expect(schema.parse(JSON.parse(JSON.stringify(value)))).toEqual(value);
  });

  test("with an additional member is refused with the member's name", () => {
    for (const member of ["also", "__proto__", "constructor"]) {
      const parsed = parseWith(schema, JSON.parse(JSON.stringify(value).replace("{", `{${JSON.stringify(member)}:{},`)));
      expect(parsed).toEqual({ ok: false, problems: [{ field: member, problem: "This member is not known; remove it." }] });
    }
  });

  test("without a member is refused with the member's name", () => {
    for (const member of Object.keys(value).filter((name) => !optional.includes(name))) {
      const { [member]: __, ...rest } = value as Record<string, unknown>;
      const parsed = parseWith(schema, rest);
      expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.field)).toContain(member);
    }
  });

  test("with null for a member is refused, except where null has a meaning", () => {
    for (const member of Object.keys(value))
      expect(schema.safeParse({ ...value, [member]: null }).success, member).toBe(nullable.includes(member));
  });
});

describe("the constraints of stored objects", () => {
  const isRefused = (schema: z.ZodType, value: object, change: object): boolean => !schema.safeParse({ ...value, ...change }).success;

  test("a permit is for one target, in whole milliseconds", () => {
    for (const change of [{ aud: "runner:*" }, { aud: "runner:LAB_512\n" }, { exp: 1.5 }, { exp: -1 }, { max_run_ms: 0 }, { jti: "x" }])
      expect(isRefused(permitSchema, sample.permit, change), JSON.stringify(change)).toBe(true);
    expect(isRefused(permitSchema.shape.scopes, sample.permit.scopes, { target: "*" })).toBe(true);
    expect(isRefused(permitSchema.shape.scopes, sample.permit.scopes, { level: "L6" })).toBe(true);
  });

  test("a receipt has one of four statuses, a refusal one of two and always a code", () => {
    for (const status of ["success", "error", "denied", "expired"])
      expect(isRefused(receiptSchema, sample.receipt, { status })).toBe(false);
    expect(isRefused(receiptSchema, sample.receipt, { status: "pending" })).toBe(true);
    for (const status of ["success", "error"]) expect(isRefused(refusalSchema, sample.refusal, { status })).toBe(true);
    for (const code of ["nonsense", undefined]) expect(isRefused(refusalSchema, sample.refusal, { code })).toBe(true);
  });

  test("a claim has a positive attempt and a signature, and a permit ends in one of three ways", () => {
    for (const change of [{ attempt: 0 }, { sig: undefined }, { kid: undefined }, { end: "revoked" }])
      expect(isRefused(claimSchema, sample.claim, change), JSON.stringify(change)).toBe(true);
    for (const change of [{ end: "used" }, { attempt: 1 }]) expect(isRefused(permitEndSchema, sample.permitEnd, change)).toBe(true);
  });

  test("a statement has one of three decisions and a nonce of at least 128 bits", () => {
    for (const change of [{ decision: "maybe" }, { nonce: "A".repeat(21) }, { nonce: `${"A".repeat(22)}\n` }, { nonce: "A".repeat(65) }])
      expect(isRefused(statementSchema, sample.statement, change), JSON.stringify(change)).toBe(true);
  });
});
