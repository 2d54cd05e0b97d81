import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../src/infra/files.js";
import { mutateRegistry } from "../../src/infra/registry-files.js";
import { createRecordingGh } from "./gh.js";
import { Operator, type ProgramOutput } from "./operator.js";
import { buildRegisterCommand, buildRepoEntry, formatRegistryOfOrgs, NOW } from "./samples.js";

const operators: Operator[] = [];
afterEach(() => {
  for (const operator of operators.splice(0)) operator.remove();
});

/** Creates an operator whose branch has one committed and pushed change of the registry. */
async function createOperatorWithChange({ pushed = true } = {}): Promise<Operator> {
  const made = new Operator(formatRegistryOfOrgs({ acme: { telemetry_repo: "acme/telemetry", repos: { shop: buildRepoEntry() } } }));
  operators.push(made);
  made.clone.git("switch", "-q", "-c", "infra/register-site");
  const { folder } = made.clone;
  const place = {
    registry: join(folder, REGISTRY_PATH),
    changelog: join(folder, CHANGELOG_PATH),
    lock: join(folder, ".git", "ogr-infra.lock"),
  };
  expect(await mutateRegistry(place, buildRegisterCommand("acme/site"), { now: () => new Date(NOW) })).toMatchObject({ ok: true });
  made.clone.git("add", "-A");
  made.clone.git("commit", "-q", "-m", "infra: register acme/site");
  if (pushed) made.clone.git("push", "-q", "-u", "origin", "HEAD");
  return made;
}

function buildPull(made: Operator, more: object = {}) {
  const known = {
    number: 12,
    url: "https://github.com/acme/infra/pull/12",
    state: "OPEN",
    baseRefName: "main",
    headRefName: "infra/register-site",
  };
  return { ...known, mergeCommit: null, headRefOid: made.clone.readHead(), ...more };
}

function expectRefused(said: ProgramOutput, exit: number, code: string, sentence: RegExp): void {
  expect(said.stderr).toMatch(sentence);
  expect(said.stderr).toContain(`(${code})`);
  expect({ code: said.code, stdout: said.stdout }).toEqual({ code: exit, stdout: "" });
}

it("a dry run of create-pr and merge-pr only queries, and opens and merges nothing", async () => {
  const made = await createOperatorWithChange();
  const gh = createRecordingGh(made, buildPull(made));
  const refs = made.clone.git("for-each-ref");
  const create = await made.run("helpers/create-pr.sh", ["--dry-run"]);
  expect(create).toMatchObject({ code: 0, stderr: "" });
  expect(create.stdout).toContain("Would open a pull request of infra/register-site into main: infra: register acme/site");
  expect(gh.listCalls()).toEqual([]);
  const merge = await made.run("helpers/merge-pr.sh", ["--dry-run", "--json"]);
  expect(JSON.parse(merge.stdout)).toMatchObject({ ok: true, dry_run: true, number: 12, commit: made.clone.readHead() });
  expect(gh.listCalls().map(([, command]) => command)).toEqual(["view"]);
  expect(made.clone.git("for-each-ref")).toBe(refs);
});

describe("create-pr.sh", () => {
  it("opens a pull request for the pushed branch with the text of its commits", async () => {
    const made = await createOperatorWithChange();
    const gh = createRecordingGh(made, null);
    const said = await made.runAsProcess("helpers/create-pr.sh");
    expect(said).toMatchObject({ code: 0, stderr: "" });
    expect(said.stdout).toContain("https://github.com/acme/infra/pull/12");
    expect(gh.listCalls()).toEqual([
      [
        ...["pr", "create", "--base", "main", "--head", "infra/register-site"],
        ...["--title", "infra: register acme/site", "--body", "- infra: register acme/site"],
      ],
    ]);
  });

  it("names the open pull request of a branch that has one", async () => {
    const made = await createOperatorWithChange();
    createRecordingGh(made, buildPull(made));
    expectRefused(await made.run("helpers/create-pr.sh"), 6, "pull_request_exists", /acme\/infra\/pull\/12.*merge-pr\.sh/);
  });

  it("refuses main, a dirty tree, no commits, an unpushed branch and a stale base without a call of gh", async () => {
    const made = await createOperatorWithChange({ pushed: false });
    const gh = createRecordingGh(made, null);
    const { clone } = made;
    const create = () => made.run("helpers/create-pr.sh");
    expectRefused(await create(), 6, "branch_not_pushed", /git push -u origin infra\/register-site/);
    clone.git("push", "-q", "origin", "HEAD~1:refs/heads/infra/register-site");
    expectRefused(await create(), 6, "branch_not_pushed", /has another tip/);
    made.write("stray.txt", "x");
    expectRefused(await create(), 6, "tree_dirty", /stray\.txt/);
    clone.git("clean", "-q", "-f");
    clone.git("switch", "-q", "main");
    expectRefused(await create(), 3, "branch_is_main", /create a branch/);
    clone.git("switch", "-q", "-c", "infra/empty");
    clone.git("push", "-q", "origin", "HEAD");
    expectRefused(await create(), 6, "no_commits", /git commit/);
    clone.git("switch", "-q", "infra/register-site");
    clone.git(
      "push",
      "-q",
      "origin",
      `${clone.commitTree(clone.git("rev-parse", "main^{tree}"), [clone.readHead("main")])}:refs/heads/main`,
    );
    expectRefused(await create(), 6, "base_stale", /rebase/);
    clone.git("remote", "remove", "origin");
    expectRefused(await create(), 1, "remote_missing", /git remote add origin/);
    clone.git("switch", "-q", "--detach");
    expectRefused(await create(), 6, "head_detached", /git switch/);
    expect(gh.listCalls()).toEqual([]);
  });

  it("prints the error of gh, or the remedy if gh is missing", async () => {
    const made = await createOperatorWithChange();
    made.intercept("gh", 'process.stderr.write("HTTP 401: Bad credentials\\nTry: gh auth login\\n"); process.exit(4);');
    expectRefused(await made.run("helpers/create-pr.sh"), 1, "gh_failed", /Bad credentials/);
  });
});

describe("merge-pr.sh", () => {
  const view = ["--json", "number,url,state,baseRefName,headRefName,headRefOid"];
  const seen = ["pr", "view", "12", "--json", "state,url,mergeCommit"];
  const merge = (made: Operator) => ["pr", "merge", "12", "--squash", "--delete-branch", "--match-head-commit", made.clone.readHead()];

  it("squashes the pull request of the current branch at its local head and deletes the branch", async () => {
    const made = await createOperatorWithChange();
    const gh = createRecordingGh(made, buildPull(made));
    expect(await made.runAsProcess("helpers/merge-pr.sh")).toMatchObject({ code: 0 });
    expect(gh.listCalls()).toEqual([["pr", "view", ...view], merge(made), seen]);
  });

  it("says what became of the merge, whatever gh's exit code is", async () => {
    const made = await createOperatorWithChange();
    const words =
      "! The merge strategy for main is set by the merge queue\nPull request #12 will be added to the merge queue for main when ready\n";
    createRecordingGh(made, buildPull(made), { words, exit: 0, state: "OPEN" });
    const queued = await made.run("helpers/merge-pr.sh", ["--json"]);
    expect(JSON.parse(queued.stdout)).toMatchObject({ ok: true, pending: 12 });
    expect(queued.stdout).not.toContain("merged");
    createRecordingGh(made, buildPull(made), {
      words: "failed to run git: 'main' is already used by worktree at '/x'\n",
      exit: 1,
      state: "MERGED",
    });
    const merged = await made.run("helpers/merge-pr.sh", ["--json"]);
    expect(JSON.parse(merged.stdout)).toMatchObject({ ok: true, merged: 12, merge_commit: "3".repeat(40) });
    expect(merged.code).toBe(0);
    expect(JSON.parse(merged.stdout).fault).toContain("already used by worktree");
  });

  it("accepts a number on any branch", async () => {
    const made = await createOperatorWithChange();
    const gh = createRecordingGh(made, buildPull(made));
    made.clone.git("switch", "-q", "main");
    expect(await made.run("helpers/merge-pr.sh", ["12"])).toMatchObject({ code: 0 });
    made.clone.git("switch", "-q", "infra/register-site");
    expect(gh.listCalls()).toEqual([["pr", "view", "12", ...view], merge(made), seen]);
  });

  it("refuses main without a number, an invalid number and an unknown pull request", async () => {
    const made = await createOperatorWithChange();
    const gh = createRecordingGh(made, null);
    expectRefused(await made.run("helpers/merge-pr.sh"), 6, "pull_request_missing", /create-pr\.sh/);
    expectRefused(await made.run("helpers/merge-pr.sh", ["7"]), 6, "pull_request_missing", /create-pr\.sh/);
    const asked = gh.listCalls().length;
    expect(await made.run("helpers/merge-pr.sh", ["infra/x"])).toMatchObject({ code: 2, stdout: "" });
    made.clone.git("switch", "-q", "main");
    expectRefused(await made.run("helpers/merge-pr.sh"), 3, "branch_is_main", /create a branch/);
    expect(gh.listCalls().length).toBe(asked);
  });

  it.each([
    ["is merged already", { state: "MERGED" }, "pull_request_missing", /nothing to merge/],
    ["is for another branch", { baseRefName: "develop" }, "pull_request_missing", /not for main/],
    ["has another commit than the local branch", { headRefOid: "1".repeat(40) }, "branch_not_pushed", /another commit/],
  ])("refuses a pull request that %s and merges nothing", async (_, more, code, sentence) => {
    const made = await createOperatorWithChange();
    const gh = createRecordingGh(made, buildPull(made, more));
    expectRefused(await made.run("helpers/merge-pr.sh"), 6, code, sentence);
    expect(gh.listCalls().filter(([, command]) => command === "merge")).toEqual([]);
  });

  it("does not merge a commit that was pushed after the check", async () => {
    const made = await createOperatorWithChange();
    createRecordingGh(made, buildPull(made, { moved: "2".repeat(40) }));
    expectRefused(await made.run("helpers/merge-pr.sh"), 1, "gh_failed", /Head branch was modified/);
  });
});
