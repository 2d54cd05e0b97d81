import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSeed } from "../../../scripts/policy-seed.js";
import { type PolicyData, parsePolicyData } from "../../../src/decision/policy/data.js";
import { parseSigningKey } from "../../../src/domain/bytes/signature.js";
import { CONFIG_DIR } from "./inputs.js";

let seed: PolicyData;
let folder: string;
beforeAll(async () => {
  seed = await readSeed(CONFIG_DIR);
  folder = await mkdtemp(join(tmpdir(), "ogr-seed-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Replaces the member of the seed at `path`, or removes it if `value` is undefined. */
function replaceMember(path: string[], value: unknown): unknown {
  const copy: unknown = structuredClone(seed);
  const last = path.at(-1) ?? "";
  const parent = path.slice(0, -1).reduce((at, key) => (at as Record<string, unknown>)[key], copy) as Record<string, unknown>;
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

const DEFAULT = ["offices", "office::default"];

describe("invalid data is refused with the name of the field", () => {
  test.each<[string[], unknown]>([
    [["version"], 2],
    [["levels", "L4"], undefined],
    [["levels", "L6"], {}],
    [["levels", "L4", "permit_ttl_ms"], 300_001],
    [["levels", "L4", "permit_ttl_ms"], 0],
    [["levels", "L1", "decide_within_ms"], 1.5],
    [["levels", "L5", "approvals"], -1],
    [["levels", "L5", "passkeys"], "any"],
    [["branches", "0", "pattern"], "*"],
    [["branches", "0", "pattern"], "feature/**"],
    [["branches", "0", "pattern"], "/feature"],
    [["branches", "0", "pattern"], "feature/"],
    [["branches", "1", "pattern"], "feature/*"],
    [["branches", "0", "merge"], "L4"],
    [["branches", "2", "force"], "L9"],
    [["jobs", "git.registry.push", "target"], "*"],
    [["jobs", "git.registry.init", "level"], "high"],
    [["author_may_approve"], "no"],
    [[...DEFAULT, "allowed_actions", "0"], "git.registry.*"],
    [[...DEFAULT, "allowed_actions", "0"], "git.registry.explode"],
    [[...DEFAULT, "scope", "targets", "0"], "LAB_1"],
    [[...DEFAULT, "risk_ceiling"], undefined],
    [[...DEFAULT, "approval_policy", "min_approvals"], "2"],
    [[...DEFAULT, "approval_policy", "max_approvals"], 1],
    [[...DEFAULT, "ttl_default_ms"], 3_600_000],
  ])("for %j", (path, value) => {
    const parsed = parsePolicyData(replaceMember(path, value));
    expect(parsed.ok).toBe(false);
    expect(!parsed.ok && parsed.problems.map((problem) => problem.field)).toContain(path.join("."));
  });

  // Such a row would protect nothing.
  test.each(["infra/", "/infra/*", "./infra/*", "infra/../dns/*", "infra//dns", "*"])("for the path %s", (pattern) => {
    const parse = (row: object) => parsePolicyData({ ...seed, paths: [row] });
    expect(parse({ pattern: "infra/my dns/*", roles: { security: 1 } })).toMatchObject({ ok: true });
    const parsed = parse({ pattern, roles: { security: 1 } });
    expect(!parsed.ok && parsed.problems.map(({ field }) => field)).toContain("paths.0.pattern");
  });

  test("for an office's id and a job's name", () => {
    expect(
      parsePolicyData({
        ...seed,
        offices: { everybody: seed.offices["office::default"] },
      }),
    ).toMatchObject({ ok: false });
    expect(parsePolicyData({ ...seed, jobs: { "*": { target: "LAB_512" } } })).toMatchObject({ ok: false });
  });
});

describe("attestors", () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { jwk } = parseSigningKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  const type = "https://slsa.dev/provenance/v1";

  test("are absent from the seed and kept unchanged if present", () => {
    expect("attestors" in seed).toBe(false);
    const attestors = { [type]: { keys: [jwk] } };
    expect(parsePolicyData({ ...seed, attestors })).toEqual({ ok: true, value: { ...seed, attestors } });
  });

  test.each<[unknown, string]>([
    [[], "attestors"],
    [{ "": { keys: [] } }, "attestors."],
    [{ [type]: [jwk] }, `attestors.${type}`],
    [{ [type]: { keys: [{ ...jwk, kid: "0123456789abcdef" }] } }, `attestors.${type}.keys.0.kid`],
    [{ [type]: { keys: [{ ...jwk, x: "short" }] } }, `attestors.${type}.keys.0.x`],
    [{ [type]: { keys: [{ ...jwk, d: "private" }] } }, `attestors.${type}.keys.0.d`],
  ])("are refused with the name of the field if malformed: %#", (attestors, field) => {
    const parsed = parsePolicyData({ ...seed, attestors });
    expect(!parsed.ok && parsed.problems.map((problem) => problem.field)).toContain(field);
  });
});

describe("the seed files", () => {
  test("have the offices and the clocks of the documents", () => {
    expect(Object.keys(seed.offices)).toEqual(
      expect.arrayContaining(["office::default", "office:infra.deployer", "office:security", "office::agents"]),
    );
    expect(seed.offices["office:security"]?.allowed_actions).toEqual(["card.approve", "card.reject"]);
    expect(seed.offices["office::agents"]).toMatchObject({
      allowed_actions: ["git.registry.push"],
      risk_ceiling: "L2",
    });
  });

  test.each([
    ["a list instead of a mapping", "- a\n", "", /risk_policy\.yaml must hold a mapping/],
    ["broken YAML", "version: [1\n", "", /risk_policy\.yaml is not YAML/],
    ["a duplicate key in one file", "version: 1\nversion: 1\n", "", /risk_policy\.yaml is not YAML/],
    ["a key in both files", "version: 1\n", "version: 1\n", /offices\.yaml: version is in another seed file/],
    ["a missing field", "version: 1\n", "offices: {}\n", /levels: .*branches: /],
  ])("with %s are refused with the name of the file", async (_name, risk, offices, message) => {
    await writeFile(join(folder, "risk_policy.yaml"), risk);
    await writeFile(join(folder, "offices.yaml"), offices || "{}\n");
    await expect(readSeed(folder)).rejects.toThrow(message);
  });
});

test("a role has the form of those that persons hold", () => {
  for (const role of [" proposer ", "a\nb", ""])
    expect(parsePolicyData(replaceMember(["levels", "L5", "roles"], { [role]: 1 })), role).toMatchObject({ ok: false });
  expect(parsePolicyData(replaceMember(["levels", "L5", "roles"], { owner: 1 }))).toMatchObject({ ok: true });
});
