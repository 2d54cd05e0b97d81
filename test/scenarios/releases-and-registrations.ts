import { beforeAll, describe, expect, it } from "vitest";
import { waitForCardEnd } from "../../src/client/waiting.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import {
  ACT_MS,
  approveAsEach,
  buildPush,
  buildRegistrationParams,
  ensurePasskeys,
  openScenarioCard,
  openTagCard,
  pushOrThrow,
  registerByCard,
  requireRefusal,
  stateCardDecision,
} from "./acts.js";
import { findRef, listEvents } from "./stored-state.js";

const PROJECT = "P.releases";

/** Requires that bob has no passkey yet or one that works. */
export function describeReleases(running: () => ServedRegistry): void {
  describe("a release or a registration", () => {
    let registry: ServedRegistry;
    let commit: string;
    const tag = (name: string, of: string) => openTagCard(registry.as("admin"), { project_id: PROJECT, tag: name, commit: of });

    beforeAll(async () => {
      registry = running();
      const clone = new Clone();
      commit = clone.commit("a.txt", "a\n");
      await registerByCard(registry, PROJECT);
      await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/a", null, clone.bundle("main")));
      await ensurePasskeys(registry, "carol");
    });

    it("of an existing tag is denied, and of two cards for one tag only one succeeds", async () => {
      const [first, second] = await Promise.all([tag("v1.0.0", commit), tag("v1.0.0", commit)]);
      expect((await approveAsEach(registry, first, ["carol"])).status).toBe("success");
      const made = await findRef(registry, PROJECT, "refs/tags/v1.0.0");
      // The first release outdated the second card's plan, which is made anew when Carol decides.
      expect(requireRefusal(await stateCardDecision(registry, "carol", second))).toMatchObject({ code: "closed" });
      const closed = await waitForCardEnd(registry.as("admin"), second.card_id, ACT_MS);
      expect(closed).toMatchObject({ status: "denied", denial: { code: "ref_exists" } });
      expect(await tag("v1.0.0", commit)).toMatchObject({ status: "denied", denial: { code: "ref_exists" } });
      expect(await findRef(registry, PROJECT, "refs/tags/v1.0.0")).toBe(made);
      expect((await listEvents(registry, "project.release.tagged")).filter(({ project_id }) => project_id === PROJECT)).toHaveLength(1);
    });

    it("of a commit that no branch reaches is denied", async () => {
      expect(await tag("v2.0.0", "2".repeat(40))).toMatchObject({ status: "denied", denial: { code: "commit_unreachable" } });
    });

    it("of an invalid tag name is 400 and names the field", async () => {
      const answer = await registry.as("admin").openCard({
        office_id: "office::default",
        intent: "x",
        jobType: "git.registry.tag_release",
        target: "LAB_512",
        params: { project_id: PROJECT, tag: "1.0", commit, notes: "" },
      });
      expect(answer).toMatchObject({ ok: false, status: 400, problem: { errors: [{ field: "params.tag" }] } });
    });

    it("of an existing project is denied", async () => {
      expect(
        await openScenarioCard(registry.as("admin"), { jobType: "git.registry.init", params: buildRegistrationParams(PROJECT) }),
      ).toMatchObject({
        status: "denied",
        denial: { code: "project_exists" },
      });
    });

    it("of one project by eight approved cards at once succeeds once", async () => {
      const cards = await Promise.all(
        Array.from({ length: 8 }, () =>
          openScenarioCard(registry.as("admin"), { jobType: "git.registry.init", params: buildRegistrationParams("P.contended") }),
        ),
      );
      expect(cards.map(({ status }) => status)).toEqual(cards.map(() => "awaiting_approval"));
      const ends = await Promise.all(cards.map((card) => approveAsEach(registry, card, ["bob"])));
      expect(ends.filter(({ status }) => status === "success")).toHaveLength(1);
      for (const { status, denial } of ends) if (status !== "success") expect(denial?.code).toBe("project_exists");
      expect((await listEvents(registry, "project.registered")).filter(({ project_id }) => project_id === "P.contended")).toHaveLength(1);
    });
  });
}
