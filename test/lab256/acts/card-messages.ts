import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { submitDecision } from "../../../src/client/deciding.js";
import { requireValue } from "../../../src/client/http/problem.js";
import { createRegistryClient } from "../../../src/client/http/registry-client.js";
import { waitForApprovedAct, waitForCardEnd, waitForCardToLeave, waitsForDecisions } from "../../../src/client/waiting.js";
import type { StatementDecision } from "../../../src/domain/card/statement.js";
import type { FlowState } from "../../../src/workflows/messages.js";
import { buildRegistrationJob, OFFICE, openCard, PATIENCE_MS, stateDecision } from "../../harness/acting.js";
import { registerCountedPasskey } from "../../harness/passkeys.js";
import type { ServedRegistry } from "../../harness/registry.js";
import type { TemporalTestClient } from "../../harness/temporal-client.js";

/** What a card's flow takes of messages, and what people can do while it has no plan. */
export function describeCardMessages(registry: () => ServedRegistry, temporal: () => TemporalTestClient): void {
  const openWaiting = (projectId: string) => openCard(registry().as("admin"), buildRegistrationJob(projectId));

  // The plan changes between the last approval and the permit. Who approved must not wait for an act that cannot come.
  describe("who waits for the act of an approved card", () => {
    it("learns that the card waits for decisions again", async () => {
      const { card_id } = await openWaiting("P.waiting");
      const waited = await waitForApprovedAct(registry().as("bob"), card_id, PATIENCE_MS);
      expect([waited.status, waitsForDecisions(waited)]).toEqual(["awaiting_approval", true]);
    });
  });

  // Somebody who may decide nothing sends statements until the flow, whose messages Temporal limits, takes none from anybody.
  describe("the flow of a card", () => {
    const listMessages = async (workflowId: string) =>
      ((await temporal().client.workflow.getHandle(workflowId).fetchHistory()).events ?? []).filter(
        ({ workflowExecutionUpdateAcceptedEventAttributes: accepted }) => accepted,
      );

    it("never sees statements that cannot count", async () => {
      const { card_id, workflow_id } = await openWaiting("P.stranger");
      const author = registry().as("admin");
      for (let n = 0; n < 3; n += 1) {
        const { statement } = requireValue(await author.prepareStatement(card_id, "approve", OFFICE));
        expect(await author.submitStatement(statement)).toMatchObject({ ok: false, problem: { code: "statement_not_counted" } });
      }
      const { statement } = requireValue(await registry().as("bob").prepareStatement(card_id, "approve", OFFICE));
      const other = { ...statement, plan_digest: "a".repeat(64) };
      expect(await registry().as("bob").submitStatement(other)).toMatchObject({ ok: false, problem: { code: "statement_invalid" } });
      expect(await listMessages(workflow_id)).toEqual([]);
    });

    it("says in Temporal's UI what each step does", async () => {
      const { workflow_id } = await openWaiting("P.said");
      const listSummaries = async () => {
        const { events } = await temporal().client.workflow.getHandle(workflow_id).fetchHistory();
        const steps = (events ?? []).filter((event) => event.markerRecordedEventAttributes);
        return steps.map(({ userMetadata }) => JSON.parse(Buffer.from(userMetadata?.summary?.data ?? []).toString("utf8")));
      };
      // The ledger has a step before Temporal has.
      await expect
        .poll(listSummaries)
        .toEqual([expect.stringMatching(/^Record the card/), expect.stringMatching(/^Ask the policy about the plan/)]);
    });

    it("takes a repeated statement once, however its passkey's answer is spelled", async () => {
      const { card_id, workflow_id } = await openWaiting("P.repeated");
      const carol = registry().as("carol");
      const { statement } = requireValue(await carol.prepareStatement(card_id, "withdraw", OFFICE));
      for (let n = 0; n < 4; n += 1) expect(await carol.submitStatement(statement)).toMatchObject({ ok: true, value: { accepted: true } });
      expect(await listMessages(workflow_id)).toHaveLength(2);
    });

    it("continues in a new run before it has too many, where the card can still be decided", async () => {
      const { card_id, workflow_id } = await openWaiting("P.many");
      const flow = temporal().client.workflow.getHandle(workflow_id);
      const first = await flow.describe();
      const withdraw = () => stateDecision(registry(), "carol", "withdraw", { card_id });
      for (let n = 0; n < 13; n += 1) await Promise.all([withdraw(), withdraw(), withdraw(), withdraw()]);
      await expect.poll(async () => (await flow.describe()).runId).not.toBe(first.runId);
      expect(await flow.query<FlowState>("state")).toMatchObject({ status: "awaiting_approval", round: 1, level: "L3" });
      expect(await flow.query<string>("__temporal_workflow_metadata")).toMatchObject({
        currentDetails: expect.stringContaining("git.registry.init of P.many: A test"),
      });
      await stateDecision(registry(), "bob", "approve", { card_id });
      expect((await waitForCardEnd(registry().as("admin"), card_id, PATIENCE_MS)).status).toBe("success");
      expect(await flow.result()).toMatchObject({ status: "success", level: "L3" });
    });
  });

  describe("a card that no Runner plans", () => {
    let withdrawn: string;
    let rejected: string;
    beforeAll(async () => {
      await registerCountedPasskey(registry(), "bob");
      await registry().lab512.kill();
      [withdrawn, rejected] = await Promise.all([openUnplanned("P.unplanned-withdrawn"), openUnplanned("P.unplanned-rejected")]);
    });
    afterAll(() => registry().lab512.start());

    const openUnplanned = async (projectId: string): Promise<string> => {
      const asked = { office_id: OFFICE, intent: "A test", target: "LAB_512", ...buildRegistrationJob(projectId) };
      return requireValue(await registry().as("admin").openCard(asked)).card_id;
    };
    const readStatus = async (card_id: string) => (await waitForCardEnd(registry().as("admin"), card_id, PATIENCE_MS)).status;

    it("has a dead Runner, which health and who waits for the plan name within seconds", async () => {
      const readWarnings = async () => ((await (await fetch(`${registry().url}/health`)).json()) as { warnings: string[] }).warnings;
      await expect.poll(readWarnings).toEqual(["No worker polls LAB_512: it does not run."]);
      const { connection, tenant_id, actor_id } = registry().as("bob");
      const notify = vi.fn();
      const waiting = createRegistryClient({ ...connection, notify }, { tenant_id, actor_id });
      await expect(waitForCardToLeave(waiting, withdrawn, ["planning"], 8_000)).rejects.toThrow("has not ended after 8 s");
      expect(notify.mock.calls).toEqual([[expect.stringContaining("No worker polls LAB_512, so nothing is planned")]]);
    });

    it("can be withdrawn by its author, and by nobody else", async () => {
      const card_id = withdrawn;
      expect(await stateDecision(registry(), "carol", "withdraw", { card_id })).toBe("planning");
      await stateDecision(registry(), "admin", "withdraw", { card_id });
      expect(await readStatus(card_id)).toBe("withdrawn");
    });

    it("can be rejected with the step-up of the highest level, and not be approved", async () => {
      const card_id = rejected;
      const decide = (name: string, decision: StatementDecision) =>
        submitDecision(registry().as(name), registry().openPasskeys(name), { card_id, decision, office_id: OFFICE });
      expect(await decide("carol", "reject")).toMatchObject({ ok: false, problem: { code: "step_up_required" } });
      expect(await decide("bob", "approve")).toMatchObject({ ok: false, problem: { code: "conflict" } });
      expect(await decide("bob", "reject")).toMatchObject({ ok: true });
      expect(await readStatus(card_id)).toBe("rejected");
    });
  });
}
