import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd, waitForCardToLeave } from "../../src/client/waiting.js";
import { publishPolicy } from "../harness/policies.js";
import type { TestRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import {
  ACT_MS,
  approveAsEach,
  buildPush,
  buildRegistrationParams,
  ensurePasskeys,
  OFFICE,
  openPushCard,
  openScenarioCard,
  openTagCard,
  pushOrThrow,
  registerByCard,
  requireRefusal,
  stateCardDecision,
} from "./acts.js";
import { toPushEnvelope } from "./commands.js";
import { buildScenarioPolicy } from "./policies.js";
import { findRef, listEvents } from "./stored-state.js";
import { QUORUM_OFFICE } from "./tenants.js";

const PROJECT = "P.changing";
const voidedSchema = z.array(z.looseObject({ approver: z.string(), void_why: z.string().nullable() }));

export function describeChangedPlans(running: () => TestRegistry): void {
  describe("a changed plan", () => {
    let registry: TestRegistry;
    let clone: Clone;
    let base: string;

    beforeAll(async () => {
      registry = running();
      clone = new Clone();
      base = clone.commit("a.txt", "a\n");
      await registerByCard(registry, PROJECT);
      await ensurePasskeys(registry, "bob", "carol");
    });

    const commitAhead = (branch: string) => {
      clone.git("checkout", "-q", "-B", branch, base);
      const commit = clone.commit(`${branch}.txt`, `${branch}\n`);
      return { commit, bundle: clone.bundle(branch, [base]) };
    };
    const pushFirst = (branch: string) => pushOrThrow(registry.as("admin"), buildPush(PROJECT, branch, null, clone.bundle("main")));
    const readCardNow = async ({ card_id }: CardAnswer) => requireValue(await registry.as("admin").readCard(card_id));

    it("after another push has moved the ref voids the approvals, and the next who decides closes the card", async () => {
      await pushFirst("feature/moving");
      const [mine, theirs] = [commitAhead("mine"), commitAhead("theirs")];
      const card = await openPushCard(registry.as("admin"), buildPush(PROJECT, "feature/moving", base, mine.bundle), {
        risk: "L3",
        office_id: QUORUM_OFFICE,
      });
      requireValue(await stateCardDecision(registry, "bob", card));
      await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/moving", base, theirs.bundle));
      expect(requireRefusal(await stateCardDecision(registry, "carol", card))).toMatchObject({ code: "closed" });
      const closed = await waitForCardEnd(registry.as("admin"), card.card_id, ACT_MS);
      expect(closed).toMatchObject({ status: "denied", denial: { code: "ref_moved" }, jti: null });
      const statements = voidedSchema.parse(closed.statements);
      expect(statements.map(({ approver }) => approver)).toEqual(["ubl:sid:person:bob"]);
      for (const { void_why } of statements) expect(void_why).toContain(`refs/heads/feature/moving of ${PROJECT} moved from ${base}`);
      expect(await findRef(registry, PROJECT, "refs/heads/feature/moving")).toBe(theirs.commit);
    });

    it("is not made for a release when the branch of its commit moves on", async () => {
      await pushFirst("feature/released");
      const card = await openTagCard(
        registry.as("admin"),
        { project_id: PROJECT, tag: "v1.0.0", commit: base },
        { office_id: QUORUM_OFFICE },
      );
      requireValue(await stateCardDecision(registry, "bob", card));
      await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/released", base, commitAhead("further").bundle));
      const closed = await approveAsEach(registry, card, ["carol"]);
      expect(closed).toMatchObject({ status: "success", plan_digest: card.plan_digest });
      expect(voidedSchema.parse(closed.statements).map(({ void_why }) => void_why)).toEqual([null, null]);
    });

    it("after the publication of another policy voids the approvals, and the new plan can be approved", async () => {
      const card = await openScenarioCard(registry.as("admin"), {
        jobType: "git.registry.init",
        params: buildRegistrationParams("P.republished"),
        office_id: QUORUM_OFFICE,
      });
      requireValue(await stateCardDecision(registry, "bob", card));
      const policy_hash = await publishPolicy(
        registry,
        "T.UBL",
        await buildScenarioPolicy((data) => ({ ...data, levels: { ...data.levels, L3: { ...data.levels.L3, max_run_ms: 500_000 } } })),
      );
      requireValue(await stateCardDecision(registry, "carol", card));
      const changed = await waitForChangeFrom(card);
      expect(changed).toMatchObject({ status: "awaiting_approval", plan: { basis: { policy_hash } } });
      // Carol decided about the new plan.
      expect(changed.missing.map(({ text }) => text)).toEqual(["1 more approval"]);
      const [old, next] = voidedSchema.parse(changed.statements).map(({ void_why }) => void_why);
      expect([old, next]).toEqual([expect.stringContaining(policy_hash), null]);
      expect((await listEvents(registry, "card.approvals_voided")).filter(({ card_id }) => card_id === card.card_id)).toMatchObject([
        { plan_digest: card.plan_digest, approvals: [{}] },
      ]);
      const closed = await approveAsEach(registry, card, ["bob"]);
      expect(closed).toMatchObject({ status: "success", plan_digest: changed.plan_digest });
    });

    it("between permit and claim makes the Runner sign a refusal", async () => {
      await pushFirst("feature/main");
      const [mine, theirs] = [commitAhead("approved"), commitAhead("quicker")];
      const admin = registry.as("admin");
      const wanted = buildPush(PROJECT, "feature/main", base, mine.bundle);
      const card = await openPushCard(admin, wanted, { risk: "L3", run: "on_command" });
      requireValue(await stateCardDecision(registry, "bob", card));
      await waitForCardToLeave(admin, card.card_id, ["awaiting_approval"], ACT_MS);
      const { permit } = requireValue(
        await admin.requestPermit({
          office_id: OFFICE,
          intent: "x",
          jobType: "git.registry.push",
          params: wanted.params,
          target: "LAB_512",
          risk: "L3",
          approval_ref: card.card_id,
        }),
      );
      await pushOrThrow(admin, buildPush(PROJECT, "feature/main", base, theirs.bundle));
      await registry.lab512.stop();
      try {
        requireValue(await admin.issueCommand(toPushEnvelope(permit, wanted)));
        expect((await readCardNow(card)).status).toBe("running");
      } finally {
        await registry.lab512.start();
      }
      expect(await waitForCardEnd(admin, card.card_id, ACT_MS)).toMatchObject({
        status: "denied",
        denial: { code: "ref_moved" },
        jti: permit.jti,
      });
      expect(requireValue(await admin.readCommand(permit.jti))).toMatchObject({
        status: "denied",
        refusals: [expect.objectContaining({ code: "ref_moved", jti: permit.jti })],
      });
      expect(await findRef(registry, PROJECT, "refs/heads/feature/main")).toBe(theirs.commit);
      expect(requireRefusal(await admin.readReceipt(permit.jti))).toMatchObject({ code: "not_found" });
    });

    /** Waits until the card has another plan than `before`. */
    async function waitForChangeFrom(before: CardAnswer): Promise<CardAnswer> {
      for (;;) {
        const card = await readCardNow(before);
        if (card.plan_digest !== before.plan_digest || card.status !== "awaiting_approval") return card;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });
}
