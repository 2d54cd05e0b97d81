import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { requireValue } from "../../src/client/http/problem.js";
import { mirrorRepository } from "../../src/demo/mirror.js";
import { toPersonEnvironment } from "../cli/run-ogr.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { createTemporaryFolder } from "../repository/real-git.js";
import { ensurePasskeys, registerByCard, stateCardDecision } from "../scenarios/acts.js";
import { Operator, type ProgramOutput } from "./operator.js";
import { formatRegistryOfOrgs } from "./samples.js";

const PROJECT = "P.infra";
const cardSchema = z.object({ card_id: z.string(), status: z.string(), level: z.string() });

/** The operator's `origin` is a project of the registry, and a review is a card. */
describe("an Office Git Registry as the operator's remote", { timeout: 300_000 }, () => {
  let registry: ServedRegistry;
  let operator: Operator;
  let admin: Record<string, string>;

  beforeAll(async () => {
    registry = await startRegistryInProcess({ name: "infra-remote", infra: `registry:T.UBL/${PROJECT}` });
    await ensurePasskeys(registry, "bob");
    await registerByCard(registry, PROJECT);
    admin = toPersonEnvironment(registry, "admin");
    operator = new Operator(formatRegistryOfOrgs({}), `ogr://T.UBL/${PROJECT}`);
  });
  afterAll(async () => {
    operator?.remove();
    await registry?.stop();
  });

  const run = (script: string, ...args: string[]): Promise<ProgramOutput> => operator.run(script, args, admin);
  const push = (branch: string): Promise<ProgramOutput> => run("ogr.sh", "push", PROJECT, "--branch", branch);

  const listBranches = async (): Promise<string[]> => {
    const refs = await registry.as("admin").listRefs(PROJECT).read();
    return refs.map(({ name }) => name).filter((name) => name.startsWith("refs/heads/"));
  };

  /** Fetches main from the repository in the store. */
  const fetchMain = async (): Promise<void> => {
    const mirror = join(createTemporaryFolder("ogr-infra-mirror-"), "repo.git");
    await mirrorRepository(registry.store, "T.UBL", PROJECT, mirror);
    operator.clone.git("-c", "safe.directory=*", "fetch", "-q", mirror, "main");
    operator.clone.git("switch", "-q", "main");
    operator.clone.git("reset", "-q", "--hard", "FETCH_HEAD");
  };

  /** Opens the card, approves it as bob and waits for its end with merge-pr. */
  const mergeBranch = async (): Promise<ProgramOutput> => {
    const opened = await run("helpers/create-pr.sh", "--json");
    const card = cardSchema.parse(JSON.parse(opened.stdout));
    expect(card).toMatchObject({ status: "awaiting_approval", level: "L4" });
    const merging = run("helpers/merge-pr.sh");
    requireValue(await stateCardDecision(registry, "bob", card));
    return merging;
  };

  it("gets its first main from a branch by a card that another person approves", async () => {
    operator.clone.git("switch", "-q", "-c", "feature/infra/begin");
    expect(await push("feature/infra/begin")).toMatchObject({ code: 0 });
    const said = await mergeBranch();
    expect({ code: said.code, stderr: said.stderr }).toMatchObject({ code: 0 });
    await fetchMain();
    expect(operator.registry).toBe(formatRegistryOfOrgs({}));
  });

  it("accepts a registration through every script and resolves it once it is merged", async () => {
    const before = requireValue(await registry.as("admin").readInfraContext("P.demo"));
    expect(before).toMatchObject({ state: "missing" });
    expect(await run("helpers/new-branch.sh", "infra/register-demo")).toMatchObject({ code: 0 });
    const branch = "feature/infra/register-demo";
    expect(operator.clone.git("symbolic-ref", "--short", "HEAD")).toBe(branch);
    const said = await run(
      "infra.sh",
      "register",
      "T.UBL/P.demo",
      "--context",
      "sandbox",
      "--telemetry-repo",
      "T.UBL/P.telemetry",
      "--reason",
      "A trial",
    );
    expect(said).toMatchObject({ code: 0 });
    expect(await run("helpers/finalize-registry.sh")).toMatchObject({ code: 0 });
    operator.clone.git("commit", "-q", "-m", "infra: register T.UBL/P.demo");
    const unpushed = await run("helpers/create-pr.sh");
    expect(unpushed).toMatchObject({ code: 6, stdout: "" });
    expect(unpushed.stderr).toContain(`ogr push ${PROJECT} --branch ${branch}`);
    expect(await push(branch)).toMatchObject({ code: 0 });
    expect(await mergeBranch()).toMatchObject({ code: 0, stderr: `Deleted the branch ${branch}.\n` });
    expect(await listBranches()).toEqual(["refs/heads/main"]);
    const after = requireValue(await registry.as("admin").readInfraContext("P.demo"));
    expect(after).toMatchObject({ state: "enabled", context: "sandbox", telemetry_repo: "T.UBL/P.telemetry" });
  });

  it("refuses a branch from a stale main and a merge without a card", async () => {
    operator.clone.git("switch", "-q", "main");
    const stale = await run("helpers/new-branch.sh", "infra/other");
    expect(stale).toMatchObject({ code: 6, stdout: "" });
    expect(stale.stderr).toContain("base_stale");
    await fetchMain();
    expect(await run("helpers/new-branch.sh", "infra/other")).toMatchObject({ code: 0 });
    const missing = await run("helpers/merge-pr.sh");
    expect(missing).toMatchObject({ code: 6, stdout: "" });
    expect(missing.stderr).toContain("pull_request_missing");
  });

  it("reports a rejection and leaves main unchanged", async () => {
    const main = operator.clone.readHead("main");
    expect(await run("infra.sh", "disable", "T.UBL/P.demo", "--reason", "Not meant")).toMatchObject({ code: 0 });
    expect(await run("helpers/finalize-registry.sh")).toMatchObject({ code: 0 });
    operator.clone.git("commit", "-q", "-m", "infra: disable T.UBL/P.demo");
    expect(await push("feature/infra/other")).toMatchObject({ code: 0 });
    const card = cardSchema.parse(JSON.parse((await run("helpers/create-pr.sh", "--json")).stdout));
    const again = await run("helpers/create-pr.sh");
    expect(again).toMatchObject({ code: 6, stdout: "" });
    expect(again.stderr).toContain(`ogr card withdraw ${card.card_id}`);
    requireValue(await stateCardDecision(registry, "bob", card, "reject"));
    const said = await run("helpers/merge-pr.sh");
    expect(said.code).toBe(3);
    expect(said.stdout).toContain("rejected");
    expect(await registry.as("admin").findRef(PROJECT, "refs/heads/main")).toBe(main);
  });

  it("ignores a card of another commit than the local one", async () => {
    operator.clone.git("commit", "-q", "--amend", "-m", "infra: disable T.UBL/P.demo after all");
    const said = await run("helpers/merge-pr.sh");
    expect(said).toMatchObject({ code: 6, stdout: "" });
    expect(said.stderr).toContain("branch_not_pushed");
  });

  it("is not mistaken for a project of the same name in another tenant", async () => {
    operator.clone.git("remote", "set-url", "origin", `ogr://T.ELSE/${PROJECT}`);
    for (const script of ["create-pr", "merge-pr"]) {
      const said = await run(`helpers/${script}.sh`);
      expect(said).toMatchObject({ code: 1, stdout: "" });
      expect(said.stderr).toContain("remote_missing");
      expect(said.stderr).toContain("T.UBL");
    }
  });
});
