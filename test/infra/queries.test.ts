import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { REGISTRY_PATH } from "../../src/infra/files.js";
import { formatRegistryOfOrgs } from "./samples.js";
import { createShopOperators, expectRefused, SITE, shop } from "./shop-operators.js";

const { onBranch } = createShopOperators();

describe("the queries", () => {
  it("read the working tree, a revision or a file, and exit with whether acts may run", async () => {
    const made = onBranch();
    expect(await made.run("infra.sh", SITE)).toMatchObject({ code: 0 });
    await made.run("infra.sh", ["disable", "acme/shop", "--reason", "Sold"]);
    const resolve = async (...args: string[]) => {
      const { code, stdout } = await made.runOgr("resolve", ...args, "--json");
      return { code, ...(JSON.parse(stdout.split("\n")[0] ?? "") as object) };
    };
    const known = { owner: "acme", telemetry_repo: "acme/telemetry" };
    expect(await resolve("acme/site")).toEqual({ code: 0, ...known, repo: "site", state: "enabled", context: "sandbox", revision: null });
    expect(await resolve("acme/shop")).toMatchObject({ code: 3, state: "disabled", context: "production" });
    expect(await resolve("acme/shop", "--revision", "HEAD")).toMatchObject({ code: 0, state: "enabled", revision: made.clone.readHead() });
    expect(await resolve("acme/site", "--revision", "main")).toMatchObject({
      code: 3,
      state: "missing",
      context: null,
      telemetry_repo: null,
    });
    expectRefused(await made.runOgr("resolve", "acme/site", "--revision", "v9"), 2, "revision_unknown", /names no commit/);
    expect((await made.runOgr("list", "--file", `${made.clone.folder}/${REGISTRY_PATH}`)).stdout).toContain("acme/site");
    expect((await made.runOgr("history", "acme/site")).stdout).toMatch(/register {2}acme\/site/);
    expect((await made.runOgr("diff")).stdout).toBe(
      [
        "~ acme.repos.shop.state: enabled → disabled",
        "~ acme.repos.shop.reason: A trial → Sold",
        "+ acme.repos.site: enabled, sandbox",
        "",
      ].join("\n"),
    );
    expect((await made.runOgr("diff", "main..HEAD")).stdout).toContain("are equal");
  });

  it("validate a checkout against its base branch, with output for a terminal, GitHub or JSON", async () => {
    const made = onBranch();
    expect(await made.runAsProcess("ogr.sh", ["infra", "validate", "--base", "origin/main"])).toMatchObject({ code: 0 });
    made.write(REGISTRY_PATH, formatRegistryOfOrgs(shop).replace("production", "sandbox"));
    const github = await made.runOgr("validate", "--base", "origin/main", "--format", "github");
    expect(github.code).toBe(1);
    expect(github.stdout).toContain(
      `::error file=${REGISTRY_PATH},line=9,col=22,title=production-immutable::acme/shop is enabled in production`,
    );
    const sarif = JSON.parse((await made.runOgr("validate", "--base", "origin/main", "--format", "sarif")).stdout) as {
      runs: { results: unknown[] }[];
    };
    expect(sarif.runs[0]?.results).toMatchObject([{ ruleId: "changelog-agrees" }, { ruleId: "production-immutable" }]);
  });

  it("ignore a report file in the checkout, while finalize requires a clean tree", async () => {
    const made = onBranch();
    expect(await made.run("infra.sh", SITE)).toMatchObject({ code: 0 });
    made.write("infra.sarif", "{}");
    expect(await made.runOgr("validate", "--base", "origin/main")).toMatchObject({ code: 0 });
    expectRefused(await made.run("helpers/finalize-registry.sh"), 6, "tree_dirty", /infra\.sarif/);
  });

  it("report that a shallow checkout must be fetched completely, and not that the branch is stale", async () => {
    const made = onBranch();
    expect(await made.run("infra.sh", SITE)).toMatchObject({ code: 0 });
    expect(await made.run("helpers/finalize-registry.sh")).toMatchObject({ code: 0 });
    made.clone.git("commit", "-q", "-m", "register");
    made.clone.git("push", "-q", "origin", "infra/change");
    const shallow = `${made.folder}/shallow`;
    execFileSync("git", ["clone", "-q", "--depth", "1", "--no-single-branch", "-b", "infra/change", `file://${made.remote}`, shallow]);
    const validate = () => made.run("ogr.sh", ["infra", "validate", "--base", "origin/main"], {}, shallow);
    expectRefused(await validate(), 2, "revision_unknown", /git fetch --unshallow/);
    execFileSync("git", ["fetch", "-q", "--unshallow"], { cwd: shallow });
    expect(await validate()).toMatchObject({ code: 0 });
  });
});
