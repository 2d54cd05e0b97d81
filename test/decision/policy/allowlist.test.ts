import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { JOB_TYPES } from "../../../src/domain/act/job.js";
import { narrowAllowance, parseAllowlist } from "../../../src/domain/permit/allowlist.js";
import { CONFIG_DIR } from "./inputs.js";

const ALLOWED = {
  fs_scope: "tenants/T.UBL",
  network_whitelist: ["object-store", "temporal"],
  jobs: ["git.registry.push"],
};
const buildAllowlist = (changes: object) =>
  parseAllowlist({
    version: 1,
    tenants: { "T.UBL": { ...ALLOWED, ...changes } },
  });

describe("the Runner's allowlist", () => {
  test("of the seed allows T.UBL its folder, its endpoints and every job", async () => {
    const parsed = parseAllowlist(JSON.parse(await readFile(join(CONFIG_DIR, "jobs.allowlist.json"), "utf8")));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    expect(parsed.value.tenants["T.UBL"]).toEqual({
      fs_scope: "tenants/T.UBL",
      network_whitelist: ["object-store", "temporal"],
      jobs: [...JOB_TYPES],
    });
  });

  test("keeps of a tenant's allowance what both name", () => {
    const parsed = buildAllowlist({ jobs: ["git.registry.push", "git.registry.reset"], network_whitelist: ["temporal", "host:1"] });
    const allowance = { ...ALLOWED, jobs: ["git.registry.push", "git.registry.init"] };
    expect(parsed.ok && narrowAllowance(allowance, parsed.value, "T.UBL")).toEqual({
      fs_scope: "tenants/T.UBL",
      network_whitelist: ["temporal"],
      jobs: ["git.registry.push"],
    });
  });

  test("can name a folder below the tenant's, and no other one", () => {
    const below = buildAllowlist({ fs_scope: "tenants/T.UBL/runner-2" });
    expect(below.ok && narrowAllowance(ALLOWED, below.value, "T.UBL")?.fs_scope).toBe("tenants/T.UBL/runner-2");
    for (const fs_scope of ["tenants", "tenants/T.UBL2", "elsewhere"]) {
      const outside = buildAllowlist({ fs_scope });
      expect(outside.ok && narrowAllowance(ALLOWED, outside.value, "T.UBL"), fs_scope).toBeUndefined();
    }
  });

  test.each(["T.OTHER", "constructor", "__proto__", ""])("takes nothing from tenant %j, which it does not name", (tenant) => {
    const parsed = buildAllowlist({});
    expect(parsed.ok && narrowAllowance(ALLOWED, parsed.value, tenant)).toEqual(ALLOWED);
  });

  test.each(["127.0.0.1:9000", "minio.internal:443", "[::1]:9000"])("accepts the literal endpoint %s", (endpoint) => {
    expect(buildAllowlist({ network_whitelist: [endpoint] }).ok).toBe(true);
  });

  test.each([
    ["fs_scope", ["/tenants", "../x", "a/../b", "", "a//b", "a/", ".hidden", "*"]],
    ["network_whitelist", [["*"], ["host"], ["host:0"], ["host:65536"], ["*:443"], ["http://host:80"], ["temporal", "temporal"]]],
    ["jobs", [["*"], ["git.registry.*"], ["push"], ["git.registry.push", "git.registry.push"], "git.registry.push"]],
  ] as const)("is refused with the name of the field if %s is invalid", (field, values) => {
    for (const value of values) {
      const parsed = buildAllowlist({ [field]: value });
      expect(!parsed.ok && parsed.problems.map((problem) => problem.field), String(value)).toContainEqual(
        expect.stringContaining(`tenants.T.UBL.${field}`),
      );
    }
  });

  test("is refused with an unknown member, an unknown version or an invalid tenant id", () => {
    expect(buildAllowlist({ shell: true })).toMatchObject({
      ok: false,
      problems: [{ field: "tenants.T.UBL.shell" }],
    });
    expect(parseAllowlist({ version: 2, tenants: {} })).toMatchObject({
      ok: false,
      problems: [{ field: "version" }],
    });
    expect(parseAllowlist({ version: 1, tenants: { "*": ALLOWED } }).ok).toBe(false);
  });

  test.each(["tenants/T.UBL", "tenants", "tenants/T.UBL/deep", "Tenants/t.ubl"])(
    "is refused if the scope %s is inside another tenant's scope or contains it",
    (scope) => {
      const parsed = parseAllowlist({
        version: 1,
        tenants: { "T.UBL": ALLOWED, "T.B": { ...ALLOWED, fs_scope: scope } },
      });
      expect(!parsed.ok && parsed.problems.map((problem) => problem.field)).toEqual(["tenants.T.B.fs_scope"]);
    },
  );
});
