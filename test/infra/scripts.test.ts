import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../src/infra/files.js";
import { Operator } from "./operator.js";
import { formatRegistryOfOrgs } from "./samples.js";
import { createShopOperators, expectRefused, SITE, shop } from "./shop-operators.js";

const { operators, operator, onBranch } = createShopOperators();

describe("infra.sh", () => {
  it("registers, disables, enables and unregisters with a changelog line for each", async () => {
    const made = onBranch();
    for (const args of [
      SITE,
      ["disable", "acme/site", "--reason", "Over"],
      ["enable", "acme/site", "--reason", "Again"],
      ["unregister", "acme/site", "--confirm-delete", "--reason", "Moved"],
    ])
      expect((await made.runAsProcess("infra.sh", args)).code).toBe(0);
    expect(made.registry).toBe(formatRegistryOfOrgs(shop));
    const lines = made.changelog.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { action: string }).action)).toEqual(["register", "disable", "enable", "unregister"]);
  });

  it("warns if no reason is given", async () => {
    const said = await onBranch().run("infra.sh", SITE.slice(0, 4));
    expect(said).toMatchObject({ code: 0 });
    expect(said.stderr).toContain("--reason");
  });

  it.each([
    ["a missing context", ["register", "acme/site"], 2, "context_missing", /--context sandbox or --context production/],
    ["an unknown context", ["register", "acme/site", "--context", "test"], 2, "context_unknown", /sandbox or production/],
    ["telemetry into another org", [...SITE, "--telemetry-repo", "other/telemetry"], 3, "telemetry_cross_org", /acme\/<repo>/],
    ["a registered repository", ["register", "acme/shop", "--context", "sandbox"], 6, "already_registered", /unregister it first/],
    ["unregistering without confirmation", ["unregister", "acme/shop"], 2, "confirm_delete_missing", /--confirm-delete/],
    ["an unregistered repository", ["disable", "acme/none"], 6, "not_registered", /ogr infra list/],
  ])("refuses %s and changes nothing", async (_, args, exit, code, sentence) => {
    const made = onBranch();
    expectRefused(await made.run("infra.sh", args), exit, code, sentence);
    expect(made.clone.git("status", "--porcelain")).toBe("");
  });

  it("refuses main, a detached HEAD and a folder that is not a checkout", async () => {
    const made = operator();
    expectRefused(await made.run("infra.sh", SITE), 3, "branch_is_main", /new-branch\.sh/);
    made.clone.git("switch", "-q", "--detach");
    expectRefused(await made.run("infra.sh", SITE), 6, "head_detached", /git switch/);
    expect(made.clone.git("status", "--porcelain")).toBe("");
    expectRefused(await made.run("infra.sh", SITE, {}, made.folder), 1, "not_a_checkout", /change into/);
  });

  it("has only the document's commands", async () => {
    const said = await operator().run("infra.sh", ["create-pr"]);
    expect(said).toMatchObject({ code: 2, stdout: "" });
    expect(said.stderr).toContain("register, disable, enable or unregister");
  });

  it("prints results and refusals as JSON with --json", async () => {
    const made = onBranch();
    const done = await made.run("infra.sh", [...SITE, "--json"]);
    expect(JSON.parse(done.stdout)).toMatchObject({ ok: true, action: "register", owner: "acme", repo: "site", branch: "infra/change" });
    const refused = await made.run("infra.sh", [...SITE, "--json"]);
    expect(JSON.parse(refused.stdout)).toMatchObject({ ok: false, code: "already_registered", exit: 6 });
  });
});

describe("new-branch.sh", () => {
  it("creates a branch with the standard name from main", async () => {
    const made = operator();
    expect(await made.runAsProcess("helpers/new-branch.sh", ["register-site"])).toMatchObject({ code: 0 });
    expect(made.clone.git("symbolic-ref", "--short", "HEAD")).toBe("infra/register-site");
  });

  it("refuses another branch than main, a dirty tree, an invalid name and a name in use", async () => {
    const made = operator();
    made.clone.git("branch", "infra/taken");
    made.clone.git("push", "-q", "origin", "main:refs/heads/infra/there");
    expectRefused(await made.run("helpers/new-branch.sh", ["infra/taken"]), 6, "branch_exists", /another name/);
    expectRefused(await made.run("helpers/new-branch.sh", ["infra/there"]), 6, "branch_exists", /at the remote/);
    expectRefused(await made.run("helpers/new-branch.sh", ["infra/A B"]), 2, "branch_invalid", /infra\/<what>/);
    made.write("stray.txt", "x");
    expectRefused(await made.run("helpers/new-branch.sh", ["infra/new"]), 6, "tree_dirty", /stray\.txt/);
    made.clone.git("add", "-A");
    made.clone.git("commit", "-q", "-m", "more");
    expectRefused(await made.run("helpers/new-branch.sh", ["infra/new"]), 6, "base_stale", /git pull --ff-only/);
    made.clone.git("switch", "-q", "-c", "other");
    expectRefused(await made.run("helpers/new-branch.sh", ["infra/new"]), 6, "not_on_main", /git switch main/);
  });

  it("refuses a main that is behind the remote", async () => {
    const made = operator();
    made.clone.git(
      "push",
      "-q",
      "origin",
      `${made.clone.commitTree(made.clone.git("rev-parse", "HEAD^{tree}"), [made.clone.readHead()])}:refs/heads/main`,
    );
    expectRefused(await made.run("helpers/new-branch.sh", ["infra/new"]), 6, "base_stale", /git pull --ff-only/);
  });
});

describe("finalize-registry.sh", () => {
  it("stages only a valid change", async () => {
    const made = onBranch();
    expect(await made.run("infra.sh", SITE)).toMatchObject({ code: 0 });
    const said = await made.runAsProcess("helpers/finalize-registry.sh");
    expect(said).toMatchObject({ code: 0 });
    expect(said.stdout).toContain('git commit -m "infra: register acme/site"');
    expect(made.clone.git("status", "--porcelain").split("\n").sort()).toEqual([`A  ${CHANGELOG_PATH}`, `M  ${REGISTRY_PATH}`]);
  });

  it("refuses main, an unmodified registry and a change that includes other files", async () => {
    const made = operator();
    expectRefused(await made.run("helpers/finalize-registry.sh"), 3, "branch_is_main", /cannot be changed on main/);
    made.clone.git("switch", "-q", "-c", "infra/change");
    expectRefused(await made.run("helpers/finalize-registry.sh"), 6, "registry_not_modified", /change it first/);
    expect(await made.run("infra.sh", SITE)).toMatchObject({ code: 0 });
    made.write("stray.txt", "x");
    expectRefused(await made.run("helpers/finalize-registry.sh"), 6, "tree_dirty", /stray\.txt/);
    expect(made.clone.git("diff", "--cached", "--name-only")).toBe("");
  });

  it("refuses an edit by hand with its place and stages nothing", async () => {
    const made = onBranch();
    made.write(REGISTRY_PATH, made.registry.replace('"production"', '"prod"'));
    expectRefused(
      await made.run("helpers/finalize-registry.sh"),
      1,
      "registry_invalid",
      /v2\.json:9:22: error: orgs\.acme\.repos\.shop\.context/,
    );
    made.write(REGISTRY_PATH, formatRegistryOfOrgs({ ...shop, other: { telemetry_repo: "acme/telemetry", repos: {} } }));
    expectRefused(await made.run("helpers/finalize-registry.sh"), 1, "registry_invalid", /telemetry-ownership/);
    made.write(REGISTRY_PATH, formatRegistryOfOrgs(shop).replace("production", "sandbox"));
    expectRefused(await made.run("helpers/finalize-registry.sh"), 1, "registry_invalid", /change it with ogr infra|immutable/);
    expect(made.clone.git("diff", "--cached", "--name-only")).toBe("");
  });

  it("refuses a branch that is behind main", async () => {
    const made = onBranch();
    expect(await made.run("infra.sh", SITE)).toMatchObject({ code: 0 });
    const other = new Operator(formatRegistryOfOrgs({}), null);
    operators.push(other);
    execFileSync("git", ["clone", "-q", made.remote, `${other.folder}/second`]);
    const second = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=B", "-c", "user.email=b@example.org", ...args], { cwd: `${other.folder}/second` });
    execFileSync("sed", ["-i", "s/A trial/Another reason/", REGISTRY_PATH], { cwd: `${other.folder}/second` });
    second("commit", "-q", "-a", "-m", "meanwhile");
    second("push", "-q", "origin", "main");
    made.clone.git("fetch", "-q", "origin");
    expectRefused(await made.run("helpers/finalize-registry.sh"), 6, "base_stale", /rebase on main/);
  });
});
