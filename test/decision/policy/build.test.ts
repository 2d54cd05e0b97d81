import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { buildPolicy, CONFIG, compileRules, findOpa, POLICY_FILE, POLICY_SOURCES } from "../../../scripts/build-policy.js";

const opa = await findOpa();
const ECHO = fileURLToPath(new URL("fixtures/echo", import.meta.url));

/** Returns the compiler, or skips the test with the reason. */
function requireCompiler(skip: (reason: string) => never): string {
  return opa.ok ? opa.path : skip(`skipped: ${opa.reason}`);
}

describe("the policy's sources", () => {
  test("compile to the committed policy.wasm byte for byte", async (context) => {
    const path = requireCompiler(context.skip);
    expect((await readFile(POLICY_FILE)).equals(await buildPolicy(path))).toBe(true);
  });

  test("compile to the same bytes in any folder", async (context) => {
    const path = requireCompiler(context.skip);
    const elsewhere = await mkdtemp(join(tmpdir(), "ogr a policy elsewhere-"));
    try {
      await cp(POLICY_SOURCES, elsewhere, { recursive: true });
      expect(Buffer.from(await compileRules(path, elsewhere)).equals(await compileRules(path, POLICY_SOURCES))).toBe(true);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  test("of the fixture compile to the committed one", async (context) => {
    const path = requireCompiler(context.skip);
    expect((await readFile(join(ECHO, "echo.wasm"))).equals(await compileRules(path, ECHO))).toBe(true);
  });

  test("pass `opa check --strict`, `opa fmt` and `opa test` with the seed's data", async (context) => {
    const path = requireCompiler(context.skip);
    const run = promisify(execFile);
    const data = ["risk_policy.yaml", "offices.yaml"].map((name) => `policy:${join(CONFIG, name)}`);
    await run(path, ["check", "--strict", POLICY_SOURCES, ...data]);
    expect((await run(path, ["fmt", "--list", POLICY_SOURCES])).stdout).toBe("");
    const { stdout } = await run(path, ["test", "--format", "json", POLICY_SOURCES, ...data]);
    const results = JSON.parse(stdout) as {
      name: string;
      fail?: boolean;
      skip?: boolean;
    }[];
    expect(results.length).toBeGreaterThan(20);
    expect(results.filter((result) => result.fail || result.skip)).toEqual([]);
  });
});

test("an opa of another version is not used, and the reason names the required one", async () => {
  const found = await findOpa("/bin/echo");
  expect(found).toMatchObject({
    ok: false,
    reason: expect.stringContaining("is built with opa 1."),
  });
});

test("an opa that does not run is not used, and the reason names it", async () => {
  expect(await findOpa("/nowhere/opa")).toMatchObject({ ok: false, reason: expect.stringContaining("/nowhere/opa does not run") });
});
