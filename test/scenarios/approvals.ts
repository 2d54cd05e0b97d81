import { beforeAll, describe, expect, it } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd } from "../../src/client/waiting.js";
import type { TestRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import {
  ACT_MS,
  approveAsEach,
  buildPush,
  buildRegistrationParams,
  ensurePasskeys,
  issuePush,
  OFFICE,
  openPushCard,
  openScenarioCard,
  openTagCard,
  pushOrThrow,
  registerByCard,
  requireRefusal,
  stateCardDecision,
  toEnd,
} from "./acts.js";
import { L2_DECIDE_MS } from "./policies.js";
import { findRef } from "./stored-state.js";
import { QUORUM_OFFICE } from "./tenants.js";

const PROJECT = "P.approvals";

export function describeApprovals(running: () => TestRegistry): void {
  describe("an approval", () => {
    let registry: TestRegistry;
    let clone: Clone;
    let bundle: Buffer;
    let projects = 0;
    /** Opens a card that needs one approval without step-up. */
    const open = (more: { office_id?: string } = {}) => {
      projects += 1;
      return openScenarioCard(registry.as("admin"), {
        jobType: "git.registry.init",
        params: buildRegistrationParams(`P.approved-${projects}`),
        ...more,
      });
    };
    const openForTwo = () => open({ office_id: QUORUM_OFFICE });
    const readCardNow = async ({ card_id }: CardAnswer) => requireValue(await registry.as("admin").readCard(card_id));
    const listMissing = async (card: CardAnswer) => (await readCardNow(card)).missing.map(({ text }) => text);

    beforeAll(async () => {
      registry = running();
      clone = new Clone();
      clone.commit("a.txt", "a\n");
      bundle = clone.bundle("main");
      await registerByCard(registry, PROJECT);
      await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/base", null, bundle));
      await ensurePasskeys(registry, "bob", "carol", "dave");
    });

    it.each([
      ["the card's author", "admin", OFFICE],
      ["an agent of the card's author", "scribe", OFFICE],
      ["an app", "ci", OFFICE],
      ["a person whose office may not approve", "dave", "office:infra.deployer"],
    ])("by %s does not count", async (_, who, office_id) => {
      const card = await open();
      expect(requireRefusal(await stateCardDecision(registry, who, card, "approve", { office_id }))).toMatchObject({
        status: 403,
        code: "statement_not_counted",
      });
      expect(await listMissing(card)).toEqual(["1 more approval"]);
    });

    it("through an office that the approver does not hold, or in another tenant, is refused", async () => {
      const card = await open();
      expect(requireRefusal(await stateCardDecision(registry, "dave", card))).toMatchObject({ status: 403, code: "forbidden" });
      expect(requireRefusal(await stateCardDecision(registry, "olga", card, "approve", { tenant: "T.OTHER" }))).toMatchObject({
        status: 404,
        code: "not_found",
      });
      expect(await listMissing(card)).toEqual(["1 more approval"]);
    });

    it("by the person with the verified address of a commit's author does not count", async () => {
      clone.git("checkout", "-q", "-B", "by-bob", "main");
      clone.commit("b.txt", "b\n");
      clone.git("-c", "user.name=x", "commit", "-q", "--amend", "--no-edit", "--author=Somebody <BOB@ubl.example>");
      const card = await openPushCard(registry.as("admin"), buildPush(PROJECT, "feature/by-bob", null, clone.bundle("by-bob")), {
        risk: "L3",
      });
      expect(requireRefusal(await stateCardDecision(registry, "bob", card))).toMatchObject({
        code: "statement_not_counted",
        detail: expect.stringContaining("author of the card's commits"),
      });
      expect((await approveAsEach(registry, card, ["carol"])).status).toBe("success");
    });

    it("by the pusher of the card's commits or of their ancestors does not count", async () => {
      clone.git("checkout", "-q", "-B", "pushed-by-bob", "main");
      const parent = clone.commit("c.txt", "c\n");
      const tip = clone.commit("d.txt", "d\n");
      await pushOrThrow(registry.as("bob"), buildPush(PROJECT, "feature/pushed-by-bob", null, clone.bundle("pushed-by-bob")));
      for (const [tag, commit] of [
        ["v0.1.0", tip],
        ["v0.2.0", parent],
      ] as const) {
        const card = await openTagCard(registry.as("admin"), { project_id: PROJECT, tag, commit });
        expect(requireRefusal(await stateCardDecision(registry, "bob", card))).toMatchObject({
          code: "statement_not_counted",
          detail: expect.stringContaining("pushed"),
        });
        requireValue(await stateCardDecision(registry, "admin", card, "withdraw"));
      }
    });

    it("by two actors of one person counts once", async () => {
      const card = await openForTwo();
      requireValue(await stateCardDecision(registry, "bob", card));
      expect(await listMissing(card)).toEqual(["1 more approval"]);
      requireValue(await stateCardDecision(registry, "bob-phone", card));
      expect(await listMissing(card)).toEqual(["1 more approval"]);
      expect((await approveAsEach(registry, card, ["carol"])).status).toBe("success");
    });

    it("that is submitted again changes nothing", async () => {
      const card = await openForTwo();
      const { statement } = requireValue(await registry.as("bob").prepareStatement(card.card_id, "approve", OFFICE));
      for (let times = 0; times < 3; times += 1) requireValue(await registry.as("bob").submitStatement(statement));
      const { missing, statements } = await readCardNow(card);
      expect(missing.map(({ text }) => text)).toEqual(["1 more approval"]);
      expect(statements).toHaveLength(1);
    });

    it("can be withdrawn and given again while the card waits", async () => {
      const card = await openForTwo();
      requireValue(await stateCardDecision(registry, "bob", card));
      requireValue(await stateCardDecision(registry, "bob", card, "withdraw"));
      expect(await listMissing(card)).toEqual(["2 more approvals"]);
      expect((await approveAsEach(registry, card, ["bob", "carol"])).status).toBe("success");
      expect(requireRefusal(await stateCardDecision(registry, "bob", card, "withdraw"))).toMatchObject({ status: 409, code: "closed" });
    });

    it("is refused for a card that was rejected or withdrawn", async () => {
      const [rejected, withdrawn] = [await open(), await open()];
      requireValue(await stateCardDecision(registry, "bob", rejected, "reject"));
      requireValue(await stateCardDecision(registry, "admin", withdrawn, "withdraw"));
      expect(await waitForCardEnd(registry.as("admin"), rejected.card_id, ACT_MS)).toMatchObject({
        status: "rejected",
        denial: { code: "rejected" },
        jti: null,
      });
      expect(await waitForCardEnd(registry.as("admin"), withdrawn.card_id, ACT_MS)).toMatchObject({
        status: "withdrawn",
        denial: { code: "withdrawn" },
        jti: null,
      });
      for (const card of [rejected, withdrawn])
        expect(requireRefusal(await stateCardDecision(registry, "carol", card))).toMatchObject({ status: 409, code: "closed" });
    });

    it("after decide_by is refused, and the card expires", async () => {
      const card = await openPushCard(registry.as("admin"), buildPush(PROJECT, "feature/late", null, bundle), { risk: "L2" });
      expect((card.decide_by ?? 0) - Date.now()).toBeLessThanOrEqual(L2_DECIDE_MS);
      const { statement } = requireValue(await registry.as("bob").prepareStatement(card.card_id, "approve", OFFICE));
      expect(await waitForCardEnd(registry.as("admin"), card.card_id, ACT_MS)).toMatchObject({
        status: "expired",
        denial: { code: "decide_by_passed" },
      });
      expect(requireRefusal(await registry.as("bob").submitStatement(statement))).toMatchObject({ status: 409, code: "closed" });
      expect(await findRef(registry, PROJECT, "refs/heads/feature/late")).toBeUndefined();
    });

    it("that was sent in time is refused with the reason if LAB 256 is down until after decide_by", async () => {
      const card = await openPushCard(registry.as("admin"), buildPush(PROJECT, "feature/outage", null, bundle), { risk: "L2" });
      const bob = registry.as("bob");
      const prepared = requireValue(await bob.prepareStatement(card.card_id, "approve", OFFICE));
      // The statement outlives the card, so that only the card's time can refuse it.
      const statement = { ...prepared.statement, not_after: Date.now() + 3_600_000 };
      await registry.lab256.kill();
      const sent = bob.submitStatement(statement);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, (card.decide_by ?? 0) - Date.now()) + 200));
      await registry.lab256.start();
      let answer = await sent;
      // An api that timed out does not know the verdict. The same statement sent again gets the same verdict.
      while (!answer.ok && answer.problem.code === "unavailable") answer = await bob.submitStatement(statement);
      expect(requireRefusal(answer).code).toMatch(/^(decide_by_passed|closed)$/);
      expect(await waitForCardEnd(registry.as("admin"), card.card_id, ACT_MS)).toMatchObject({
        status: "expired",
        denial: { code: "decide_by_passed" },
        statements: [],
      });
      expect(await findRef(registry, PROJECT, "refs/heads/feature/outage")).toBeUndefined();
      expect(
        toEnd(requireValue(await issuePush(registry.as("admin"), buildPush(PROJECT, "feature/after-outage", null, bundle)))).status,
      ).toBe("success");
    });
  });
}
