import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { buildProgram } from "../../src/cli/program.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../src/infra/files.js";
import { resolveOgr } from "../cli/run-ogr.js";
import { Operator } from "./operator.js";
import { formatRegistryOfOrgs } from "./samples.js";

// Each command is a process, which can take long on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const operators: Operator[] = [];
afterEach(() => {
  for (const operator of operators.splice(0)) operator.remove();
});

const folder = new URL("../../templates/infra-registry/.github/", import.meta.url);
const readTemplate = (path: string): string => readFileSync(new URL(path, folder), "utf8");

const workflowSchema = z.strictObject({
  name: z.string(),
  on: z.strictObject({
    pull_request: z.strictObject({ branches: z.array(z.string()) }),
    push: z.strictObject({ branches: z.array(z.string()) }),
  }),
  permissions: z.strictObject({ contents: z.literal("read") }),
  concurrency: z.strictObject({ group: z.string(), "cancel-in-progress": z.boolean() }),
  jobs: z.record(
    z.string(),
    z.strictObject({
      name: z.string(),
      "runs-on": z.string(),
      "timeout-minutes": z.int(),
      steps: z.array(
        z.strictObject({
          name: z.string().optional(),
          uses: z.string().optional(),
          with: z.record(z.string(), z.unknown()).optional(),
          if: z.string().optional(),
          env: z.record(z.string(), z.string()).optional(),
          run: z.string().optional(),
        }),
      ),
    }),
  ),
});
/** The script of the step that installs ogr, run with a `npm` that only says what it would install. */
function runInstallation(OGR_PACKAGE: string): { code: number | null; stdout: string } {
  const script = readWorkflow().jobs["validate"]?.steps.find(({ name }) => name === "Install ogr")?.run ?? "";
  const { status, stdout } = spawnSync("bash", ["-e", "-c", `npm() { echo "npm $*"; }\n${script}`], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, OGR_PACKAGE },
  });
  return { code: status, stdout };
}

const readWorkflow = () => workflowSchema.parse(parse(readTemplate("workflows/infra-registry.yml")));

/** A branch ruleset of GitHub's REST API. Source: GitHub Docs, "REST API endpoints for rules". */
const rulesetSchema = z.strictObject({
  name: z.string(),
  target: z.literal("branch"),
  enforcement: z.enum(["active", "evaluate", "disabled"]),
  bypass_actors: z.array(z.unknown()),
  conditions: z.strictObject({ ref_name: z.strictObject({ include: z.array(z.string()), exclude: z.array(z.string()) }) }),
  rules: z.array(
    z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("deletion") }),
      z.strictObject({ type: z.literal("non_fast_forward") }),
      z.strictObject({ type: z.literal("required_linear_history") }),
      z.strictObject({
        type: z.literal("pull_request"),
        parameters: z.strictObject({
          required_approving_review_count: z.int().min(1).max(10),
          dismiss_stale_reviews_on_push: z.literal(true),
          require_code_owner_review: z.literal(true),
          require_last_push_approval: z.literal(true),
          required_review_thread_resolution: z.boolean(),
          allowed_merge_methods: z.array(z.enum(["merge", "squash", "rebase"])),
        }),
      }),
      z.strictObject({
        type: z.literal("required_status_checks"),
        parameters: z.strictObject({
          strict_required_status_checks_policy: z.literal(true),
          do_not_enforce_on_create: z.boolean(),
          required_status_checks: z.array(z.strictObject({ context: z.string() })),
        }),
      }),
    ]),
  ),
});
const readRuleset = () => rulesetSchema.parse(JSON.parse(readTemplate("rulesets/main.json")));

describe("the installation of ogr in CI", () => {
  it("takes no name of a package, which anybody could register, and no address that others can change on the way", () => {
    for (const named of ["", "office-git-registry", "office-git-registry@0.1.0", "npm:ogr", "http://packages.example/ogr.tgz"])
      expect(runInstallation(named)).toMatchObject({ code: 1, stdout: expect.stringMatching(/^::error::/) });
    const kept = "https://packages.example/office-git-registry-0.1.0.tgz";
    expect(runInstallation(kept)).toEqual({ code: 0, stdout: `npm install --global --ignore-scripts ${kept}\n` });
  });

  it("is told to operators without such a name", () => {
    for (const path of ["../../templates/infra-registry", "../../scripts/infra", "../../docs"])
      for (const name of readdirSync(new URL(path, import.meta.url), { recursive: true, encoding: "utf8" })) {
        const file = new URL(`${path}/${name}`, import.meta.url);
        if (statSync(file).isFile())
          expect(readFileSync(file, "utf8")).not.toMatch(/npm (?:i|install)\b.* office-git-registry(?![-\w*]*\.tgz|-\*)/);
      }
  });
});

describe("the ruleset for main", () => {
  it("has no bypass, requires a review by the code owners and allows only squash merges", () => {
    const { bypass_actors, enforcement, conditions, rules } = readRuleset();
    expect({ bypass_actors, enforcement, ...conditions.ref_name }).toEqual({
      bypass_actors: [],
      enforcement: "active",
      include: ["refs/heads/main"],
      exclude: [],
    });
    expect(rules.find(({ type }) => type === "pull_request")).toMatchObject({ parameters: { allowed_merge_methods: ["squash"] } });
  });

  it("requires the check that the workflow runs", () => {
    const checks = readRuleset().rules.flatMap((rule) =>
      rule.type === "required_status_checks" ? rule.parameters.required_status_checks : [],
    );
    expect(checks.map(({ context }) => context)).toEqual(Object.values(readWorkflow().jobs).map(({ name }) => name));
  });
});

describe("the workflow", () => {
  const listSteps = () => Object.values(readWorkflow().jobs).flatMap((job) => job.steps);

  it("calls ogr with valid arguments, against the base of the pull request", () => {
    const validate = buildProgram()
      .commands.find((one) => one.name() === "infra")
      ?.commands.find((one) => one.name() === "validate");
    const known = validate?.options.map(({ long }) => long);
    const calls = listSteps().flatMap(({ run = "" }) => run.match(/ogr infra validate.*/g) ?? []);
    expect(calls).toEqual(['ogr infra validate --base "$BASE" --format github', "ogr infra validate --format github"]);
    for (const call of calls) for (const option of call.match(/--[a-z]+/g) ?? []) expect(known).toContain(option);
  });

  it("fetches the whole history, keeps no credentials and inserts no untrusted text into a command", () => {
    expect(listSteps()[0]).toMatchObject({ with: { "fetch-depth": 0, "persist-credentials": false } });
    for (const { run = "" } of listSteps()) expect(run).not.toContain("${{");
  });
});

it("CODEOWNERS covers the registry, its scripts and itself", () => {
  const rules = readTemplate("CODEOWNERS")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(rules.map((line) => line.split(/\s+/)[0])).toEqual(["*", "/infra/", "/scripts/infra/", "/.github/"]);
  for (const line of rules) expect(line).toMatch(/\s@[\w-]+\/[\w-]+$/);
});

describe("ogr infra init", () => {
  it("creates a valid registry, scripts that run without a clone of this repository, and the rules", async () => {
    const made = new Operator(formatRegistryOfOrgs({}));
    operators.push(made);
    const { clone } = made;
    clone.git("rm", "-q", "-r", "infra");
    clone.git("commit", "-q", "-m", "nothing");
    expect(await made.runOgr("init")).toMatchObject({ code: 0 });
    expect(made.registry).toBe(formatRegistryOfOrgs({}));
    expect(made.changelog).toBe("");
    expect(made.read("infra/.gitattributes")).toBe("* -text\n");
    for (const path of [".github/CODEOWNERS", ".github/workflows/infra-registry.yml", ".github/rulesets/main.json"])
      expect(existsSync(join(clone.folder, path))).toBe(true);
    expect(await made.runOgr("validate")).toMatchObject({ code: 0 });
    clone.git("add", "-A");
    clone.git("commit", "-q", "-m", "An infra registry");
    clone.git("push", "-q", "origin", "main");
    clone.git("switch", "-q", "-c", "infra/first");
    const script = join(clone.folder, "scripts", "infra", "infra.sh");
    expect(statSync(script).mode & 0o111).not.toBe(0);
    const args = ["register", "acme/site", "--context", "sandbox", "--telemetry-repo", "acme/telemetry", "--reason", "First"];
    const without = await made.program(script, args, { PATH: buildPathWithout("ogr") });
    expect(without).toMatchObject({ code: 127, stdout: "" });
    expect(without.stderr).toContain("npm install --global");
    const ogr = made.intercept(
      "ogr",
      `process.exit(require("node:child_process").spawnSync(process.execPath, [${JSON.stringify(resolveOgr())}, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1);`,
    );
    expect(await made.program(script, args, {})).toMatchObject({ code: 0 });
    expect(ogr.listCalls()).toEqual([["infra", ...args]]);
    expect(await made.program(join(clone.folder, "scripts/infra/helpers/finalize-registry.sh"), [], {})).toMatchObject({ code: 0 });
    expect(clone.git("diff", "--cached", "--name-only").split("\n").sort()).toEqual([CHANGELOG_PATH, REGISTRY_PATH].sort());
  });

  it("makes a registry that stays valid where git writes other line ends", async () => {
    const made = new Operator(formatRegistryOfOrgs({}));
    operators.push(made);
    const { clone } = made;
    clone.git("rm", "-q", "-r", "infra");
    clone.git("commit", "-q", "-m", "nothing");
    expect(await made.runOgr("init")).toMatchObject({ code: 0 });
    const register = ["acme/site", "--context", "sandbox", "--telemetry-repo", "acme/telemetry", "--reason", "First"];
    clone.git("add", "-A");
    clone.git("commit", "-q", "-m", "An infra registry");
    clone.git("config", "core.autocrlf", "true");
    clone.git("switch", "-q", "-c", "infra/first");
    expect(await made.runOgr("register", ...register)).toMatchObject({ code: 0 });
    clone.git("commit", "-q", "-a", "-m", "register");
    clone.git("switch", "-q", "main");
    clone.git("switch", "-q", "infra/first");
    expect(made.registry).not.toContain("\r");
    expect(await made.runOgr("validate", "--base", "main")).toMatchObject({ code: 0 });
  });

  it("writes nothing where something of it is there", async () => {
    const made = new Operator(formatRegistryOfOrgs({}));
    operators.push(made);
    const said = await made.runOgr("init");
    expect(said).toMatchObject({ code: 6, stdout: "" });
    expect(said.stderr).toContain("registry_exists");
    expect(made.clone.git("status", "--porcelain")).toBe("");
  });
});

/** The folders of the system's programs, without one that has this program. */
function buildPathWithout(name: string): string {
  const folders = (process.env.PATH ?? "").split(":").filter((path) => !existsSync(join(path, name)));
  // What the script itself calls has to be there.
  execFileSync("/bin/sh", ["-c", "command -v dirname"], { env: { PATH: folders.join(":") } });
  return folders.join(":");
}
