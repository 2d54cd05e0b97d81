import type { PublicKeyCredentialRequestOptionsJSON } from "@simplewebauthn/server";
import { beforeAll, describe, expect, it } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import { resolvePasskeyOrigin } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { type Assertion, computeStatementChallenge, type Statement, type StatementDecision } from "../../src/domain/card/statement.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { OFFICE, openTagCard, pushed, pushOf, refusal, registered, state, withPasskeys } from "./acts.js";

const PROJECT = "P.steps";

/** What an approval at L4 and above must carry. Bob and carol bring passkeys of their own. */
export function stepUpScenarios(running: () => ServedRegistry): void {
  describe("a step-up", () => {
    let registry: ServedRegistry;
    let commit: string;
    let tags = 0;
    const cardToApprove = (risk?: string) => {
      tags += 1;
      return openTagCard(registry.as("admin"), { project_id: PROJECT, tag: `v0.${tags}.0`, commit }, risk === undefined ? {} : { risk });
    };

    beforeAll(async () => {
      registry = running();
      const clone = new Clone();
      commit = clone.commit("a.txt", "a\n");
      await registered(registry, PROJECT);
      await pushed(registry.as("admin"), pushOf(PROJECT, "feature/a", null, clone.bundle("main")));
      await withPasskeys(registry, "bob", "carol");
    });

    const prepare = async (who: string, { card_id }: CardAnswer, decision: StatementDecision = "approve") =>
      requireValue(await registry.as(who).prepareStatement(card_id, decision, OFFICE));
    /** What this person's own authenticator answers to any challenge. */
    const assertion = (who: string, statement: Statement): Promise<Assertion> => {
      const challenge = Buffer.from(computeStatementChallenge(statement)).toString("base64url");
      const options: PublicKeyCredentialRequestOptionsJSON = { challenge, rpId: "localhost", userVerification: "required" };
      return registry.passkeys(who).assert(options, resolvePasskeyOrigin(registry.url), "localhost");
    };
    const missingOf = async (card: CardAnswer) =>
      requireValue(await registry.as("admin").readCard(card.card_id)).missing.map(({ text }) => text);

    it("left out at L4 is refused, and the card goes on waiting", async () => {
      const card = await cardToApprove();
      const { statement, step_up } = await prepare("bob", card);
      expect(step_up).not.toBeNull();
      expect(refusal(await registry.as("bob").submitStatement(statement))).toMatchObject({ status: 403, code: "step_up_required" });
      expect(await missingOf(card)).toEqual(["1 more approval with step-up"]);
    });

    it("made for another card is refused", async () => {
      const [card, other] = [await cardToApprove(), await cardToApprove()];
      const [{ statement }, { statement: elsewhere }] = [await prepare("bob", card), await prepare("bob", other)];
      expect(refusal(await registry.as("bob").submitStatement(statement, await assertion("bob", elsewhere)))).toMatchObject({
        status: 403,
        code: "step_up_invalid",
      });
      expect(await missingOf(card)).toEqual(["1 more approval with step-up"]);
    });

    it("of another person is refused", async () => {
      const card = await cardToApprove();
      const { statement } = await prepare("bob", card);
      expect(refusal(await registry.as("bob").submitStatement(statement, await assertion("carol", statement)))).toMatchObject({
        status: 403,
        code: "step_up_invalid",
      });
      expect(await missingOf(card)).toEqual(["1 more approval with step-up"]);
    });

    it("that was used once is refused for another statement, and a withdrawn approval does not come back by repeating it", async () => {
      const card = await cardToApprove("L5");
      expect(card.level).toBe("L5");
      const { statement } = await prepare("bob", card);
      const used = await assertion("bob", statement);
      requireValue(await registry.as("bob").submitStatement(statement, used));
      expect(await missingOf(card)).toEqual(["1 more approval with step-up"]);
      const { statement: next } = await prepare("bob", card);
      expect(refusal(await registry.as("bob").submitStatement(next, used))).toMatchObject({ code: "step_up_invalid" });

      requireValue(await state(registry, "bob", card, "withdraw"));
      expect(await missingOf(card)).toEqual(["2 more approvals with step-up"]);
      await registry.as("bob").submitStatement(statement, used);
      expect(await missingOf(card)).toEqual(["2 more approvals with step-up"]);
    });

    it("by an agent or an app is refused, whoever's passkey it borrows", async () => {
      const card = await cardToApprove();
      expect(refusal(await registry.as("ci").prepareStatement(card.card_id, "approve", OFFICE))).toMatchObject({
        code: "step_up_required",
      });
      const { statement } = await prepare("bob", card);
      const borrowed = { ...statement, approver: registry.actor("ci").actor_id };
      expect(refusal(await registry.as("ci").submitStatement(borrowed, await assertion("bob", borrowed)))).toMatchObject({
        code: "step_up_invalid",
      });
      expect(await missingOf(card)).toEqual(["1 more approval with step-up"]);
    });

    it("is not asked of a person without a passkey: they are told to register one", async () => {
      const card = await openTagCard(registry.as("bob"), { project_id: PROJECT, tag: "v9.0.0", commit });
      expect(refusal(await registry.as("admin").prepareStatement(card.card_id, "approve", OFFICE))).toMatchObject({
        code: "step_up_required",
      });
    });
  });
}
