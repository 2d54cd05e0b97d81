import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { requireValue } from "../../src/client/http/problem.js";
import { mirrorRepository } from "../../src/demo/mirror.js";
import { hashRefs } from "../../src/domain/git/refs-digest.js";
import { listVisibleRefs, readRefs } from "../../src/repository/refs/refs-state.js";
import { runOgr, toPersonEnvironment } from "../cli/run-ogr.js";
import { INFRA_PROJECT } from "../infra-engine/infra-project.js";
import { createTemporaryFolder } from "../repository/real-git.js";
import { approveAsEach, buildPush, issuePush, openScenarioCard, pushOrThrow, requireRefusal } from "./acts.js";
import type { InfraSetup } from "./infra-setup.js";

const DEPLOYER = "office:infra.deployer";

export function describeInfraResets(on: () => InfraSetup): void {
  const actAsAdmin = () => on().registry.as("admin");

  describe("and a reset", () => {
    const buildReset = async (project_id: string) => ({
      jobType: "git.registry.reset",
      params: { project_id, expected_refs: requireValue(await actAsAdmin().readProject(project_id)).refs_digest },
      office_id: DEPLOYER,
    });

    it("of a production project is denied", async () => {
      const card = await openScenarioCard(actAsAdmin(), await buildReset("P.live"));
      expect(card).toMatchObject({ status: "denied", denial: { code: "policy_denied" } });
      expect(card.reasons?.map(({ rule }) => rule)).toEqual(["infra.not_sandbox"]);
    });

    it("of the project that holds the registry is denied even if its context is sandbox", async () => {
      await on().publish({ [`T.UBL/${INFRA_PROJECT}`]: "enabled sandbox" });
      const { refs } = (await readRefs(on().registry.store, { tenant_id: "T.UBL", project_id: INFRA_PROJECT })) ?? { refs: new Map() };
      const expected_refs = hashRefs(listVisibleRefs(refs).map(([name, { id }]) => [name, id]));
      const asked = await buildReset("P.live");
      const card = await openScenarioCard(actAsAdmin(), { ...asked, params: { project_id: INFRA_PROJECT, expected_refs } });
      expect(card).toMatchObject({ status: "denied", denial: { code: "policy_denied" } });
      expect(card.reasons?.map(({ rule }) => rule)).toEqual(["infra.keeps_registry"]);
      await on().publish();
    });

    it("requires a card", async () => {
      const { jobType, params } = await buildReset("P.off");
      const asked = { office_id: DEPLOYER, intent: "x", jobType, params, target: "LAB_512" };
      expect(requireRefusal(await actAsAdmin().requestPermit(asked))).toMatchObject({ status: 403, code: "approval_required" });
    });

    it("of a sandbox empties its repository, and the catalog lists the deleted refs", async () => {
      for (const branch of ["feature/a", "feature/b"])
        await pushOrThrow(actAsAdmin(), buildPush("P.sandbox", branch, null, on().clone.bundle("main")));
      const preview = await runOgr(
        ["project", "reset", "P.sandbox", "--office", DEPLOYER, "--dry-run"],
        toPersonEnvironment(on().registry, "admin"),
      );
      expect(preview).toMatchObject({ code: 0, stdout: expect.stringContaining("deletes   refs/heads/feature/b") });
      const asked = await runOgr(
        ["project", "reset", "P.sandbox", "--office", DEPLOYER, "--json"],
        toPersonEnvironment(on().registry, "admin"),
      );
      expect(asked).toMatchObject({ code: 0, stderr: "" });
      const { card_id } = asked.json(z.looseObject({ card_id: z.string() }));
      const card = requireValue(await actAsAdmin().readCard(card_id));
      expect(card).toMatchObject({ status: "awaiting_approval", level: "L3" });
      expect(
        z.looseObject({ basis: z.looseObject({ refs: z.array(z.looseObject({ name: z.string() })) }) }).parse(card.plan).basis.refs,
      ).toMatchObject([
        { name: "refs/heads/feature/a", old: on().base, new: "0".repeat(40) },
        { name: "refs/heads/feature/b", old: on().base, new: "0".repeat(40) },
      ]);
      const closed = await approveAsEach(on().registry, card, ["bob"]);
      expect(closed).toMatchObject({ status: "success" });
      const project = requireValue(await actAsAdmin().readProject("P.sandbox"));
      expect(await actAsAdmin().listRefs("P.sandbox").read()).toEqual([]);
      expect(project.activity[0]).toMatchObject({ action: "reset", actor: "ubl:sid:person:admin", ref: "refs/heads/feature/a" });
      const mirror = createTemporaryFolder("ogr-mirror-");
      await mirrorRepository(on().registry.store, "T.UBL", "P.sandbox", mirror);
      execFileSync("git", ["fsck", "--strict"], { cwd: mirror, stdio: "pipe" });
      const copy = createTemporaryFolder("ogr-copy-");
      execFileSync("git", ["clone", "-q", mirror, copy], { stdio: "pipe" });
      expect(execFileSync("git", ["for-each-ref"], { cwd: copy }).toString()).toBe("");
      expect((await issuePush(actAsAdmin(), buildPush("P.sandbox", "feature/a", null, on().clone.bundle("main")))).ok).toBe(true);
    });
  });
}
