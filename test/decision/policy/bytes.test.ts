import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { blake3 } from "hash-wasm";
import { beforeAll, describe, expect, test } from "vitest";
import { readSeed } from "../../../scripts/policy-seed.js";
import { DATA_SECTION, POLICY_MAX_BYTES, replacePolicyData } from "../../../src/decision/policy/bytes.js";
import type { PolicyData } from "../../../src/decision/policy/data.js";
import { loadPolicy, type Policy } from "../../../src/decision/policy/policy.js";
import {
  decodeU32,
  encodeU32,
  listCustomSections,
  replaceCustomSection,
  WasmFormatError,
} from "../../../src/decision/policy/wasm-section.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { buildAct, buildStatementInput, CONFIG_DIR, listRules, loadCommittedPolicy, PUSH, readCommittedBytes } from "./inputs.js";

const ECHO = new URL("./fixtures/echo/echo.wasm", import.meta.url);
const toBytes = (text: string) => new TextEncoder().encode(text);

let bytes: Uint8Array;
let policy: Policy;
let data: PolicyData;
beforeAll(async () => {
  bytes = await readCommittedBytes();
  policy = await loadCommittedPolicy();
  data = policy.data;
});

describe("policy_hash", () => {
  test("equals the BLAKE3 of the bytes by a second implementation", async () => {
    expect(policy.hash).toBe(await blake3(bytes));
  });

  test("covers the data: a changed rule changes hash and decision", async () => {
    const branches = data.branches.filter((row) => row.pattern !== "feature/*");
    const other = await loadPolicy(replacePolicyData(bytes, { ...data, branches }));
    expect(other.hash).not.toBe(policy.hash);
    expect(other.decide(PUSH).allowed).toBe(false);
    expect(policy.decide(PUSH).allowed).toBe(true);
  });

  test("is the same for the same data in any encoding and after repeated replacement", () => {
    const backwards = Object.fromEntries(Object.entries(data).reverse()) as PolicyData;
    const changed = replacePolicyData(bytes, {
      ...data,
      author_may_approve: true,
    });
    expect(Buffer.from(replacePolicyData(changed, backwards)).equals(bytes)).toBe(true);
  });

  test("stays that of the loaded bytes when the caller changes its buffer", async () => {
    const own = Uint8Array.from(bytes);
    const loaded = await loadPolicy(own);
    own.fill(0);
    expect(loaded.hash).toBe(policy.hash);
    expect(loaded.decide(PUSH).allowed).toBe(true);
  });

  test("the committed policy contains the seed files", async () => {
    expect(data).toEqual(await readSeed(CONFIG_DIR));
  });
});

describe("the policy loader refuses", () => {
  const withSection = (content: Uint8Array) => replaceCustomSection(bytes, DATA_SECTION, content);
  const buildTwoSections = () =>
    Buffer.concat([bytes, replaceCustomSection(bytes.subarray(0, 8), DATA_SECTION, toCanonicalBytes(data)).subarray(8)]);
  const buildEmptyModule = () => Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

  test.each<[string, string, () => Uint8Array]>([
    ["no bytes", "not_wasm", () => new Uint8Array(0)],
    ["text", "not_wasm", () => toBytes("package registry")],
    ["a truncated file", "not_wasm", () => bytes.subarray(0, bytes.length - 1)],
    ["a file above the limit", "too_large", () => new Uint8Array(POLICY_MAX_BYTES + 1)],
    ["no data", "data_missing", buildEmptyModule],
    ["duplicate data", "data_repeated", buildTwoSections],
    ["data that is not JSON", "data_not_canonical", () => withSection(toBytes("{"))],
    ["data that is not UTF-8", "data_not_canonical", () => withSection(Uint8Array.of(0x22, 0xff, 0x22))],
    ["data in another encoding", "data_not_canonical", () => withSection(toBytes(JSON.stringify(data, undefined, 1)))],
    ["data of another version", "data_invalid", () => withSection(toCanonicalBytes({ ...data, version: 2 }))],
    ["wasm without an OPA instance", "no_instance", () => replacePolicyData(buildEmptyModule(), data)],
  ])("%s as %s", async (_name, code, make) => {
    await expect(loadPolicy(make())).rejects.toMatchObject({
      name: "PolicyBytesError",
      code,
    });
  });

  test("a file truncated at any byte as not_wasm or data_missing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        const outcome = await loadPolicy(bytes.subarray(0, length)).then(
          () => "loaded",
          (error: { code?: string }) => error.code,
        );
        expect(["not_wasm", "data_missing"]).toContain(outcome);
      }),
    );
  });
});

describe("a policy's answer is checked", () => {
  let echo: Policy;
  beforeAll(async () => {
    echo = await loadPolicy(replacePolicyData(await readFile(ECHO), data));
  });
  const decideEcho = (answer: unknown) => echo.decide(buildAct({ job_type: "echo", params: { answer } }));
  const fine = {
    allowed: true,
    level: "L1",
    reasons: [{ rule: "a.b", text: "c" }],
    requires: [],
    permit_ttl_ms: 1,
    decide_within_ms: 1,
    max_run_ms: 1,
  };

  test("a well-formed answer passes", () => {
    expect(decideEcho(fine)).toEqual(fine);
  });

  test("a missing answer is denied as policy.undefined", () => {
    expect(listRules(echo.decide(buildAct({ job_type: "silence" })))).toEqual(["policy.undefined"]);
    expect(listRules(echo.admit(buildStatementInput({})))).toEqual(["policy.undefined"]);
  });

  test.each<[string, unknown]>([
    ["true", true],
    ["null", null],
    ["no level", { ...fine, level: null }],
    ["an unknown level", { ...fine, level: "L6" }],
    ["no reasons", { ...fine, reasons: [] }],
    ["a permit with no lifetime", { ...fine, permit_ttl_ms: 0 }],
    ["an unknown requirement", { ...fine, requires: [{ kind: "bribe" }] }],
    [
      "zero approvals",
      {
        ...fine,
        requires: [
          {
            kind: "approvals",
            count: 0,
            roles: {},
            step_up: false,
            excludes: [],
          },
        ],
      },
    ],
    ["an extra member", { ...fine, trusted: true }],
    ["a denial with a clock", { ...fine, allowed: false }],
  ])("an answer with %s is denied as policy.malformed", (_name, answer) => {
    expect(decideEcho(answer)).toMatchObject({
      allowed: false,
      level: null,
      reasons: [{ rule: "policy.malformed" }],
    });
  });

  test("a statement does not count if the answer is malformed", () => {
    expect(echo.admit(buildStatementInput({ roles: ["yes"] }))).toMatchObject({
      counts: false,
      reasons: [{ rule: "policy.malformed" }],
    });
  });

  test("a fault in the policy is denied as policy.fault and does not affect the next answer", () => {
    const decision = echo.decide(buildAct({ job_type: "fault" }));
    expect(listRules(decision)).toEqual(["policy.fault"]);
    expect(decision.reasons[0]?.text).toContain("time.now_ns");
    expect(decideEcho(fine)).toEqual(fine);
  });
});

describe("custom sections", () => {
  test("LEB128 integers are encoded and decoded without change", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.nat(9), (value, at) => {
        const encoded = encodeU32(value);
        expect(decodeU32(Buffer.concat([new Uint8Array(at), encoded]), at)).toEqual({ value, next: at + encoded.length });
      }),
    );
  });

  test.each([
    ["a number above 32 bits", [0x80, 0x80, 0x80, 0x80, 0x10]],
    ["a number that is too long", [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ["a truncated number", [0x80]],
  ])("%s in LEB128 is refused", (_name, encoded) => {
    expect(() => decodeU32(Uint8Array.from(encoded), 0)).toThrow(WasmFormatError);
  });

  test("a replaced section is read back, and the rest stays unchanged", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.string({ maxLength: 200 }).filter((name) => name !== DATA_SECTION),
        (content, name) => {
          const written = replaceCustomSection(bytes, name, content);
          expect(listCustomSections(written, name).map((section) => Buffer.from(section))).toEqual([Buffer.from(content)]);
          expect(listCustomSections(written, DATA_SECTION)).toHaveLength(1);
        },
      ),
      { numRuns: 30 },
    );
  });
});
