import { beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd, waitForCardToLeave, waitForCommandEnd } from "../../src/client/waiting.js";
import type { TestRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import {
  ACT_MS,
  approveAsEach,
  buildPush,
  buildRegistrationParams,
  OFFICE,
  openPushCard,
  openScenarioCard,
  pushOrThrow,
  registerByCard,
  requireRefusal,
  stateCardDecision,
} from "./acts.js";
import { requestPushPermit, toPushEnvelope } from "./commands.js";
import { QUICK_PERMIT_MS } from "./policies.js";
import { findRef, readOfficialState } from "./stored-state.js";
import { QUICK_OFFICE } from "./tenants.js";

const PROJECT = "P.permits";

export function describePermits(running: () => TestRegistry): void {
  describe("a permit", () => {
    let registry: TestRegistry;
    let clone: Clone;
    let bundle: Buffer;
    let branches = 0;
    /** Builds a push to a new branch that would succeed. */
    const buildGoodPush = () => {
      branches += 1;
      return buildPush(PROJECT, `feature/b${branches}`, null, bundle);
    };

    beforeAll(async () => {
      registry = running();
      clone = new Clone();
      clone.commit("a.txt", "a\n");
      bundle = clone.bundle("main");
      await registerByCard(registry, PROJECT);
    });

    it("can be used once, and a second command is refused with the first one", async () => {
      const admin = registry.as("admin");
      const wanted = buildGoodPush();
      const command = toPushEnvelope(await requestPushPermit(admin, wanted), wanted);
      const answers = await Promise.all(Array.from({ length: 4 }, () => admin.issueCommand(command)));
      expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
      expect((await waitForCommandEnd(admin, command.jti, ACT_MS)).status).toBe("success");
      const before = await readOfficialState(registry);
      for (const again of [command, { ...command, jobId: "job-other" }])
        expect(await admin.issueCommand(again)).toMatchObject({
          ok: false,
          status: 409,
          problem: { code: "permit_used", jobId: command.jobId, status_url: expect.stringContaining(command.jti) },
        });
      for (const answer of answers) if (!answer.ok) expect(answer.problem).toMatchObject({ code: "permit_used", jobId: command.jobId });
      expect(await readOfficialState(registry)).toEqual(before);
    });

    it("cannot be used with the jobId that a waiting card has reserved, and the card is carried out", async () => {
      const admin = registry.as("admin");
      const jobId = "job-of-the-waiting-card";
      const ask = { jobType: "git.registry.init", params: buildRegistrationParams("P.reserved"), jobId } as const;
      const card = await openScenarioCard(admin, ask);
      const wanted = buildGoodPush();
      const stolen = toPushEnvelope(await requestPushPermit(admin, wanted), wanted, { jobId });
      expect(requireRefusal(await admin.issueCommand(stolen))).toMatchObject({ status: 409, code: "job_id_taken" });
      const twin = await admin.openCard({ office_id: OFFICE, intent: "The same jobId", target: "LAB_512", ...ask });
      expect(requireRefusal(twin)).toMatchObject({ status: 409, code: "job_id_taken", detail: expect.stringContaining(card.card_id) });
      expect((await approveAsEach(registry, card, ["bob"])).status).toBe("success");
    });

    it("cannot be used with the jobId of another act", async () => {
      const admin = registry.as("admin");
      const first = await pushOrThrow(admin, buildGoodPush());
      const wanted = buildGoodPush();
      const taken = toPushEnvelope(await requestPushPermit(admin, wanted), wanted, { jobId: first.command.jobId ?? "" });
      expect(requireRefusal(await admin.issueCommand(taken))).toMatchObject({ status: 409, code: "job_id_taken" });
      expect((await admin.issueCommand({ ...taken, jobId: "job-free-one" })).ok).toBe(true);
    });

    it("cannot be used once it is revoked, and cannot be revoked once it is used", async () => {
      const admin = registry.as("admin");
      const wanted = buildGoodPush();
      const permit = await requestPushPermit(admin, wanted);
      expect(requireRefusal(await registry.as("dave").revokePermit(permit.jti, "Not mine."))).toMatchObject({
        status: 403,
        code: "forbidden",
      });
      requireValue(await registry.as("bob").revokePermit(permit.jti, "No longer wanted."));
      expect(requireRefusal(await admin.issueCommand(toPushEnvelope(permit, wanted)))).toMatchObject({
        status: 403,
        code: "permit_revoked",
      });
      expect(await findRef(registry, PROJECT, `refs/heads/${wanted.params.branch}`)).toBeUndefined();
      const used = await pushOrThrow(admin, buildGoodPush());
      expect(requireRefusal(await admin.revokePermit(used.permit.jti, "Too late."))).toMatchObject({ status: 409, code: "permit_used" });
    });

    it("that is not used until run_by expires together with its card", async () => {
      const admin = registry.as("admin");
      const wanted = buildGoodPush();
      const card = await openPushCard(admin, wanted, { office_id: QUICK_OFFICE, run: "on_command", risk: "L3" });
      requireValue(await stateCardDecision(registry, "bob", card));
      expect(await waitForCardEnd(admin, card.card_id, ACT_MS)).toMatchObject({ status: "expired", denial: { code: "run_by_passed" } });
      const asked = await admin.requestPermit({
        office_id: QUICK_OFFICE,
        intent: "x",
        jobType: "git.registry.push",
        params: wanted.params,
        target: "LAB_512",
        approval_ref: card.card_id,
      });
      expect(requireRefusal(asked)).toMatchObject({ status: 403, code: "permit_expired" });
    });

    it("whose command no Runner claims until run_by expires, and a later Runner does not run it", async () => {
      const admin = registry.as("admin");
      const wanted = buildGoodPush();
      await registry.lab512.stop();
      let jti: string;
      try {
        const permit = await requestPushPermit(admin, wanted, QUICK_OFFICE);
        expect(permit.exp - permit.iat).toBe(QUICK_PERMIT_MS);
        jti = permit.jti;
        requireValue(await admin.issueCommand(toPushEnvelope(permit, wanted)));
        expect(await waitForCommandEnd(admin, jti, ACT_MS)).toMatchObject({ status: "expired", denial: { code: "run_by_passed" } });
      } finally {
        await registry.lab512.start();
      }
      await pushOrThrow(admin, buildGoodPush());
      expect(await findRef(registry, PROJECT, `refs/heads/${wanted.params.branch}`)).toBeUndefined();
      expect((await admin.readReceipt(jti)).ok).toBe(false);
    });

    it("for a card is the same on every request and allows one act", async () => {
      const admin = registry.as("admin");
      const wanted = buildGoodPush();
      const ask = (who = "admin", params = wanted.params, approval_ref = card.card_id) =>
        registry.as(who).requestPermit({
          office_id: "office::default",
          intent: "x",
          jobType: "git.registry.push",
          params,
          target: "LAB_512",
          approval_ref,
          risk: "L3",
        });
      const card = await openPushCard(admin, wanted, { run: "on_command", risk: "L3" });
      expect(requireRefusal(await ask())).toMatchObject({ status: 403, code: "approval_required" });
      requireValue(await stateCardDecision(registry, "bob", card));
      await waitForCardToLeave(admin, card.card_id, ["awaiting_approval"], ACT_MS);
      const [one, two] = [requireValue(await ask()).permit, requireValue(await ask()).permit];
      expect(two).toEqual(one);
      expect(one.scopes).toMatchObject({ approval_ref: card.card_id, level: "L3", plan_digest: card.plan_digest });
      expect(requireRefusal(await ask("carol"))).toMatchObject({ status: 403, code: "forbidden" });
      expect(requireRefusal(await ask("admin", { ...wanted.params, commit_summary: "Another" }))).toMatchObject({
        status: 403,
        code: "approval_required",
      });
      const answers = await Promise.all([1, 2].map(() => admin.issueCommand(toPushEnvelope(one, wanted))));
      expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
      expect(await waitForCardEnd(admin, card.card_id, ACT_MS)).toMatchObject({ status: "success", jti: one.jti, run_by: one.exp });
      expect(requireValue(await ask()).permit).toEqual(one);
      expect(requireRefusal(await admin.issueCommand(toPushEnvelope(one, wanted)))).toMatchObject({ status: 409, code: "permit_used" });
    });
  });

  describe("the level of a permit", () => {
    const ask = (who: string, more: { office_id?: string; risk?: string; branch?: string } = {}) => {
      const { branch = "feature/level", ...rest } = more;
      return running()
        .as(who)
        .requestPermit({
          intent: "x",
          jobType: "git.registry.push",
          params: buildPush(PROJECT, branch, null, Buffer.from("x")).params,
          target: "LAB_512",
          ...rest,
        });
    };

    it("is raised by the requested risk and never lowered", async () => {
      expect(requireValue(await ask("admin", { office_id: "office::default", risk: "L2" })).level).toBe("L2");
      expect(requireValue(await ask("admin", { office_id: "office::default", risk: "L0" })).level).toBe("L1");
      expect(requireValue(await ask("admin", { office_id: "office::default", branch: "review/x", risk: "L1" })).level).toBe("L2");
    });

    it("needs an approved card from L3 on, and the refusal lists the requirements", async () => {
      expect(await ask("admin", { office_id: "office::default", risk: "L3" })).toMatchObject({
        ok: false,
        status: 403,
        problem: {
          code: "approval_required",
          allowed: false,
          level: "L3",
          requires: [{ kind: "card" }, { kind: "approvals", count: 1, step_up: false }],
        },
      });
    });

    it("is at most L2 for an agent, which acts through office::agents", async () => {
      expect(requireValue(await ask("builder")).level).toBe("L1");
      expect(requireValue(await ask("builder", { branch: "review/x" })).level).toBe("L2");
      expect(await ask("builder", { risk: "L3" })).toMatchObject({
        ok: false,
        status: 403,
        problem: { code: "policy_denied", reasons: [{ rule: "office.ceiling" }] },
      });
      expect(requireRefusal(await ask("builder", { office_id: "office::default" }))).toMatchObject({ status: 403, code: "forbidden" });
    });
  });
}
