import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { INLINE_PATCH_MAX_BYTES, initParamsSchema, pushParamsSchema, tagReleaseParamsSchema } from "../../src/domain/act/job.js";
import { planSchema } from "../../src/domain/act/plan.js";
import { hashCanonical } from "../../src/domain/bytes/canonical.js";
import { jwksSchema } from "../../src/domain/bytes/jwks.js";
import { cardRequestSchema } from "../../src/domain/card/card.js";
import { signedStatementSchema } from "../../src/domain/card/statement.js";
import { charterEntrySchema } from "../../src/domain/charter/entry.js";
import { signedHeadSchema } from "../../src/domain/ledger/ledger-head.js";
import { parseAllowlist } from "../../src/domain/permit/allowlist.js";
import { claimSchema } from "../../src/domain/permit/claim.js";
import { envelopeSchema } from "../../src/domain/permit/envelope.js";
import { permitSchema } from "../../src/domain/permit/permit.js";
import { permitRequestSchema } from "../../src/domain/permit/permit-request.js";
import { receiptSchema, refusalSchema } from "../../src/domain/permit/receipt.js";
import { actInputSchema, decisionSchema } from "../../src/domain/policy/policy-contract.js";
import { type FieldProblem, formatProblems, parseWith } from "../../src/domain/problems.js";
import { chooseRuns } from "../harness/campaign.js";
import * as sample from "./samples.js";

function listProblems(schema: z.ZodType, value: unknown): readonly FieldProblem[] {
  const parsed = parseWith(schema, value);
  return parsed.ok ? [] : parsed.problems;
}
const listFields = (schema: z.ZodType, value: unknown): string[] => listProblems(schema, value).map((problem) => problem.field);

const buildNested = (depth: number): unknown => Array.from({ length: depth }).reduce<unknown>((inner) => [inner], 0);

describe("a card's request", () => {
  const { cardRequest } = sample;
  const replaceParams = (change: object) => ({ ...cardRequest, params: { ...cardRequest.params, ...change } });

  test("is parsed with its defaults", () => {
    expect(cardRequestSchema.parse(cardRequest)).toEqual({ ...cardRequest, context: {}, run: "on_approval" });
  });

  test("is refused with the path of each bad field in its params", () => {
    expect(listFields(cardRequestSchema, replaceParams({ branch: "a b" }))).toEqual(["params.branch"]);
    expect(listFields(cardRequestSchema, replaceParams({ branch: 1, more: 1, expected_old: "HEAD" })).sort()).toEqual([
      "params.branch",
      "params.expected_old",
      "params.more",
    ]);
    expect(listFields(cardRequestSchema, replaceParams({ delete: true, patch: "AAAA" }))).toEqual(["params.patch"]);
    const init = { project_id: "P.demo", name: "Demo", owners: ["office::default", "nobody"], visibility: "secret" };
    expect(listFields(cardRequestSchema, { ...cardRequest, jobType: "git.registry.init", params: init })).toEqual([
      "params.owners.1",
      "params.visibility",
    ]);
  });

  test("is refused with a message for every bad field", () => {
    for (const { problem } of listProblems(cardRequestSchema, replaceParams({ branch: "a b", expected_old: "HEAD", more: 1 })))
      expect(problem).toMatch(/^[A-Z].*\.$/);
    expect(formatProblems(listProblems(cardRequestSchema, replaceParams({ branch: "" })))).toBe(
      "params.branch: A branch name must not be empty.",
    );
  });

  test("is refused with params of another job, an unknown job or unknown members", () => {
    expect(listFields(cardRequestSchema, { ...cardRequest, jobType: "git.registry.init" })).toContain("params.branch");
    expect(listFields(cardRequestSchema, { ...cardRequest, jobType: "git.registry.nuke" })).toEqual(["jobType"]);
    expect(listFields(cardRequestSchema, { ...cardRequest, actor_id: "ubl:sid:person:ann", x: 1 })).toEqual(["actor_id", "x"]);
  });

  test("has an intent that the ledger can store", () => {
    for (const intent of ["", "  ", "a".repeat(501), "a\0b", "a\ud800", 1]) {
      expect(listFields(cardRequestSchema, { ...cardRequest, intent })).toEqual(["intent"]);
      expect(listFields(permitRequestSchema, { ...sample.permitRequest, intent })).toEqual(["intent"]);
    }
    expect(cardRequestSchema.parse({ ...cardRequest, intent: " Olá,\n\tmundo 😀 " }).intent).toBe("Olá,\n\tmundo 😀");
  });
});

describe("the context of a request, which may have any members,", () => {
  const buildRequest = (context: unknown) => ({ ...sample.permitRequest, context });

  test("is kept unchanged", () => {
    const context = { ticket: "A-1", nested: { list: [1, null, true, { é: "😀" }] }, empty: {} };
    expect(permitRequestSchema.parse(buildRequest(context)).context).toEqual(context);
  });

  test.each([
    ["a lone surrogate in a value", { a: ["\ud800"] }],
    ["a lone surrogate in a name", { a: { "\udc00": 1 } }],
    ["NUL in a value", { a: { b: "\0" } }],
    ["NUL in a name", { "a\0": 1 }],
    ["a number that JSON does not have", { a: [Number.POSITIVE_INFINITY] }],
    ["more than 16 KiB", { a: "é".repeat(8192) }],
    ["33 levels", { a: buildNested(32) }],
    ["enough levels to overflow the stack", { a: buildNested(5_000) }],
    ["an array", []],
  ])("is refused with %s", (_, context) => {
    expect(listFields(permitRequestSchema, buildRequest(context)).every((field) => field.startsWith("context"))).toBe(true);
    expect(listFields(permitRequestSchema, buildRequest(context))).not.toEqual([]);
  });

  test("has a canonical form and no NUL if it is accepted", () => {
    const anyContext = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ stringUnit: "binary", maxDepth: 6 }));
    fc.assert(
      fc.property(anyContext, (context) => {
        const parsed = permitRequestSchema.safeParse(buildRequest(context));
        if (!parsed.success) return;
        expect(hashCanonical(parsed.data.context)).toMatch(/^[0-9a-f]{64}$/);
        expect(JSON.stringify(parsed.data.context)).not.toContain("\\u0000");
      }),
    );
  });
});

describe("the params of a job", () => {
  test("an inline patch is standard base64 of at most 1 MiB", () => {
    const push = (patch: string) => listFields(pushParamsSchema, { ...sample.pushParams, patch });
    expect(push(Buffer.alloc(INLINE_PATCH_MAX_BYTES).toString("base64"))).toEqual([]);
    expect(push(Buffer.alloc(INLINE_PATCH_MAX_BYTES + 3).toString("base64"))).toEqual(["patch"]);
    for (const bad of ["", "A", "AA", "AA==\n", "A A=", "-_-_", "AAAA="]) expect(push(bad)).toContain("patch");
  });

  test("a text of one line has no line break", () => {
    for (const commit_summary of ["", " ", "a\nb", "a\u001bb", "a\ud800", "a".repeat(501)])
      expect(listFields(pushParamsSchema, { ...sample.pushParams, commit_summary })).toContain("commit_summary");
  });

  test("owners are one or more distinct actors or offices", () => {
    const init = (owners: unknown) => listFields(initParamsSchema, { project_id: "P.demo", name: "Demo", owners, visibility: "private" });
    expect(init(["ubl:sid:person:ann", "office::default"])).toEqual([]);
    expect(init([])).toEqual(["owners"]);
    expect(init(["office::default", "office::default"])).toEqual(["owners"]);
    expect(init(["office::default", "everybody"])).toEqual(["owners.1"]);
  });

  test("notes are well-formed text of at most 256 KiB", () => {
    const notes = (text: string) =>
      listFields(tagReleaseParamsSchema, { project_id: "P.demo", tag: "v1.2.0", commit: sample.COMMIT, notes: text });
    expect(notes("# 1.2.0\n\n- first\n")).toEqual([]);
    for (const bad of ["a\0", "\ud800", "é".repeat(128 * 1024 + 1)]) expect(notes(bad)).toEqual(["notes"]);
  });
});

describe("the assertion of a statement", () => {
  const text = Buffer.from("any bytes").toString("base64url");
  const response = { clientDataJSON: text, authenticatorData: text, signature: text, userHandle: text };
  const assertion = { id: text, rawId: text, type: "public-key", response, clientExtensionResults: {} };

  test("has only base64url members", () => {
    expect(listFields(signedStatementSchema, { ...sample.signedStatement, assertion })).toEqual([]);
    for (const bad of ["\0", "\ud800", "a b", "", `${text}\n`, "a+b/", "aa=="]) {
      for (const member of ["id", "rawId"])
        expect(listFields(signedStatementSchema, { ...sample.signedStatement, assertion: { ...assertion, [member]: bad } })).toEqual([
          `assertion.${member}`,
        ]);
      for (const member of Object.keys(response)) {
        const spoiled = { ...assertion, response: { ...response, [member]: bad } };
        expect(listFields(signedStatementSchema, { ...sample.signedStatement, assertion: spoiled })).toEqual([
          `assertion.response.${member}`,
        ]);
      }
    }
  });

  test("drops extension results, which are not signed", () => {
    const parsed = signedStatementSchema.parse({
      ...sample.signedStatement,
      assertion: { ...assertion, clientExtensionResults: { x: "\ud800" } },
    });
    expect(parsed.assertion?.clientExtensionResults).toEqual({});
  });
});

test("a bad key of the allowlist is named with the expected form", () => {
  const parsed = parseAllowlist({ version: 1, tenants: { UBL: { fs_scope: "tenants/UBL", network_whitelist: [], jobs: [] } } });
  expect(parsed.ok ? [] : parsed.problems).toEqual([{ field: "tenants.UBL", problem: expect.stringContaining("`T.UBL`") }]);
});

describe("parsing never throws", () => {
  const schemas: Record<string, z.ZodType> = {
    card: cardRequestSchema,
    "permit request": permitRequestSchema,
    envelope: envelopeSchema,
    permit: permitSchema,
    receipt: receiptSchema,
    refusal: refusalSchema,
    statement: signedStatementSchema,
    claim: claimSchema,
    plan: planSchema,
    "charter entry": charterEntrySchema,
    head: signedHeadSchema,
    keys: jwksSchema,
    "act input": actInputSchema,
    decision: decisionSchema,
  };
  const samples = [
    sample.cardRequest,
    sample.permitRequest,
    sample.envelope,
    sample.receipt,
    sample.refusal,
    sample.signedStatement,
    sample.claim,
  ];
  const anything = fc.jsonValue({ stringUnit: "binary", maxDepth: 4 });
  /** Replaces any member of a valid value by any value. */
  const spoiled = fc.tuple(fc.constantFrom<object>(...samples), fc.nat(20), anything).map(([value, at, other]) => {
    const name = Object.keys(value)[at % Object.keys(value).length] ?? "";
    return { ...value, [name]: other };
  });

  test.each(Object.entries(schemas))("for a %s and any JSON", (_, schema) => {
    fc.assert(
      fc.property(fc.oneof(anything, spoiled), (value) => {
        const parsed = parseWith(schema, value);
        if (parsed.ok) return;
        expect(parsed.problems.length).toBeGreaterThan(0);
        for (const { field, problem } of parsed.problems) {
          expect(typeof field).toBe("string");
          expect(problem).not.toBe("");
        }
      }),
      chooseRuns(300),
    );
  });

  test("for JSON of any depth", () => {
    for (const schema of Object.values(schemas))
      for (const value of samples)
        for (const name of Object.keys(value)) expect(parseWith(schema, { ...value, [name]: { a: buildNested(5_000) } }).ok).toBe(false);
  });
});
