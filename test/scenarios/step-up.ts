import { setTimeout as delay } from "node:timers/promises";
import type { PublicKeyCredentialRequestOptionsJSON } from "@simplewebauthn/server";
import { beforeAll, describe, expect, it } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import { resolvePasskeyOrigin, submitDecision } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { type Assertion, computeStatementChallenge, type Statement, type StatementDecision } from "../../src/domain/card/statement.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { buildPush, ensurePasskeys, OFFICE, openTagCard, pushOrThrow, registerByCard, requireRefusal, stateCardDecision } from "./acts.js";

const PROJECT = "P.steps";

export function describeStepUp(running: () => ServedRegistry): void {
  describe("a step-up", () => {
    let registry: ServedRegistry;
    let commit: string;
    let tags = 0;
    const openCardToApprove = (risk?: string) => {
      tags += 1;
      return openTagCard(registry.as("admin"), { project_id: PROJECT, tag: `v0.${tags}.0`, commit }, risk === undefined ? {} : { risk });
    };

    beforeAll(async () => {
      registry = running();
      const clone = new Clone();
      commit = clone.commit("a.txt", "a\n");
      await registerByCard(registry, PROJECT);
      await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/a", null, clone.bundle("main")));
      await ensurePasskeys(registry, "bob", "carol");
    });

    const prepare = async (who: string, { card_id }: CardAnswer, decision: StatementDecision = "approve") =>
      requireValue(await registry.as(who).prepareStatement(card_id, decision, OFFICE));
    /** Makes an assertion about a statement by the person's own authenticator. */
    const createAssertion = (who: string, statement: Statement): Promise<Assertion> => {
      const challenge = Buffer.from(computeStatementChallenge(statement)).toString("base64url");
      const options: PublicKeyCredentialRequestOptionsJSON = { challenge, rpId: "localhost", userVerification: "required" };
      return registry.openPasskeys(who).assert(options, resolvePasskeyOrigin(registry.url), "localhost", async (made) => made);
    };
    const listMissing = async (card: CardAnswer) =>
      requireValue(await registry.as("admin").readCard(card.card_id)).missing.map(({ text }) => text);

    it("is required at L4, and without it the card keeps waiting", async () => {
      const card = await openCardToApprove();
      const { statement, step_up } = await prepare("bob", card);
      expect(step_up).not.toBeNull();
      expect(requireRefusal(await registry.as("bob").submitStatement(statement))).toMatchObject({ status: 403, code: "step_up_required" });
      expect(await listMissing(card)).toEqual(["1 more approval with step-up"]);
    });

    it("made for another card is refused", async () => {
      const [card, other] = [await openCardToApprove(), await openCardToApprove()];
      const [{ statement }, { statement: elsewhere }] = [await prepare("bob", card), await prepare("bob", other)];
      expect(requireRefusal(await registry.as("bob").submitStatement(statement, await createAssertion("bob", elsewhere)))).toMatchObject({
        status: 403,
        code: "step_up_invalid",
      });
      expect(await listMissing(card)).toEqual(["1 more approval with step-up"]);
    });

    it("of another person is refused", async () => {
      const card = await openCardToApprove();
      const { statement } = await prepare("bob", card);
      expect(requireRefusal(await registry.as("bob").submitStatement(statement, await createAssertion("carol", statement)))).toMatchObject({
        status: 403,
        code: "step_up_invalid",
      });
      expect(await listMissing(card)).toEqual(["1 more approval with step-up"]);
    });

    it("cannot be reused for another statement or to restore a withdrawn approval", async () => {
      const card = await openCardToApprove("L5");
      expect(card.level).toBe("L5");
      const { statement } = await prepare("bob", card);
      const used = await createAssertion("bob", statement);
      requireValue(await registry.as("bob").submitStatement(statement, used));
      expect(await listMissing(card)).toEqual(["1 more approval with step-up"]);
      const { statement: next } = await prepare("bob", card);
      expect(requireRefusal(await registry.as("bob").submitStatement(next, used))).toMatchObject({ code: "step_up_invalid" });

      requireValue(await stateCardDecision(registry, "bob", card, "withdraw"));
      expect(await listMissing(card)).toEqual(["2 more approvals with step-up"]);
      await registry.as("bob").submitStatement(statement, used);
      expect(await listMissing(card)).toEqual(["2 more approvals with step-up"]);
    });

    it("is accepted for each of two concurrent decisions of one person in any order of arrival", async () => {
      const [card, other] = [await openCardToApprove(), await openCardToApprove()];
      const bob = registry.as("bob");
      let isFirst = true;
      // The first signed decision arrives after the second is complete.
      const submitStatement: typeof bob.submitStatement = async (statement, assertion) => {
        const isSlow = isFirst;
        isFirst = false;
        if (isSlow) await delay(2000);
        return bob.submitStatement(statement, assertion);
      };
      const decide = ({ card_id }: CardAnswer) =>
        submitDecision({ ...bob, submitStatement }, registry.openPasskeys("bob"), { card_id, decision: "approve", office_id: OFFICE });
      for (const answer of await Promise.all([decide(card), decide(other)])) requireValue(answer);
    });

    it("by an agent or an app is refused even with a person's passkey", async () => {
      const card = await openCardToApprove();
      expect(requireRefusal(await registry.as("ci").prepareStatement(card.card_id, "approve", OFFICE))).toMatchObject({
        code: "step_up_required",
      });
      const { statement } = await prepare("bob", card);
      const borrowed = { ...statement, approver: registry.getActor("ci").actor_id };
      expect(requireRefusal(await registry.as("ci").submitStatement(borrowed, await createAssertion("bob", borrowed)))).toMatchObject({
        code: "step_up_invalid",
      });
      expect(await listMissing(card)).toEqual(["1 more approval with step-up"]);
    });

    it("is refused with step_up_required for a person without a passkey", async () => {
      const card = await openTagCard(registry.as("bob"), { project_id: PROJECT, tag: "v9.0.0", commit });
      expect(requireRefusal(await registry.as("admin").prepareStatement(card.card_id, "approve", OFFICE))).toMatchObject({
        code: "step_up_required",
      });
    });
  });
}
