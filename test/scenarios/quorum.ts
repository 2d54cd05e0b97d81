import { beforeAll, describe, expect, it } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import { buildPolicyWith, publishPolicy } from "../harness/policies.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import {
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
import { STRICT_TENANT as tenant } from "./tenants.js";

const PREDICATE = "https://slsa.dev/provenance/v1";

/**
 * The default policy, except that a registration has level L5 and places for two roles, a release requires an attestation, and security answers
 * for `infra/`.
 */
const buildStrictPolicy = () =>
  buildPolicyWith((data) => ({
    ...data,
    paths: [{ pattern: "infra/*", roles: { security: 1 } }],
    jobs: {
      ...data.jobs,
      "git.registry.init": { level: "L5", target: "LAB_512", roles: { owner: 1, security: 1 } },
      "git.registry.tag_release": { level: "L4", target: "LAB_512", attestation: PREDICATE },
    },
  }));

export function describeQuorum(running: () => ServedRegistry): void {
  describe("at level L5", () => {
    let registry: ServedRegistry;
    const listMissing = async ({ card_id }: CardAnswer) =>
      requireValue(await registry.as("admin", tenant).readCard(card_id)).missing.map(({ text }) => text);

    beforeAll(async () => {
      registry = running();
      await publishPolicy(registry, tenant, await buildStrictPolicy());
      await ensurePasskeys(registry, "bob", "carol");
    });

    it("two persons must approve with step-up, and two actors of one person count once", async () => {
      const card = await openScenarioCard(registry.as("admin", tenant), {
        jobType: "git.registry.init",
        params: buildRegistrationParams("P.strict"),
      });
      expect(card).toMatchObject({ level: "L5", requires: [{ kind: "card" }, { kind: "approvals", count: 2, step_up: true }] });
      expect(await listMissing(card)).toEqual(["2 more approvals with step-up, each in the role owner or security"]);
      const { statement } = requireValue(await registry.as("carol", tenant).prepareStatement(card.card_id, "approve", "office::default"));
      expect(requireRefusal(await registry.as("carol", tenant).submitStatement(statement))).toMatchObject({ code: "step_up_required" });
      requireValue(await stateCardDecision(registry, "bob", card, "approve", { tenant }));
      requireValue(await stateAs("bob-phone", "bob", card));
      expect(await listMissing(card)).toEqual(["1 more approval with step-up, in the role owner or security"]);
      const closed = await approveAsEach(registry, card, ["carol"], tenant);
      expect(closed.status).toBe("success");
      expect(closed.statements?.filter(({ counts }) => counts).map(({ approver }) => approver)).toEqual(
        expect.arrayContaining(["ubl:sid:person:bob", "ubl:sid:person:carol"]),
      );
    });

    it("a card that nobody could complete says so when it is opened", async () => {
      const params = buildRegistrationParams("P.hopeless");
      const hopeless = await openScenarioCard(registry.as("bob", tenant), { jobType: "git.registry.init", params });
      expect(hopeless.reasons.at(-1)).toEqual({
        rule: "card.incompletable",
        text: "Nobody can complete this card: 2 must approve at L5, and only person:carol could besides those who made the change, with nobody left for the role security.",
      });
      const possible = await openScenarioCard(registry.as("admin", tenant), { jobType: "git.registry.init", params });
      expect(possible.reasons.map(({ rule }) => rule)).not.toContain("card.incompletable");
    });

    it("the preview of a merge and its card ask for the roles of the paths that the merge changes, and for no others", async () => {
      const project_id = await registerByCard(registry, "P.protected", { approvers: ["bob", "carol"], tenant });
      const admin = registry.as("admin", tenant);
      const clone = new Clone();
      for (const [branch, file, roles] of [
        ["feature/plain", "src/a.ts", {}],
        ["feature/infra", "infra/a.tf", { security: 1 }],
      ] as const) {
        clone.git("checkout", "-q", "--orphan", branch.replace("/", "-"));
        const expected_source = clone.commit(file, `${branch}\n`);
        await pushOrThrow(admin, buildPush(project_id, branch, null, clone.bundle("HEAD")));
        const wanted = {
          jobType: "git.registry.merge_protected",
          params: { project_id, source: branch, target: "main", expected_source, expected_target: ZERO_ID, strategy: "merge" },
          office_id: "office::default",
          target: "LAB_512",
        } as const;
        const preview = requireValue(await admin.planCard(wanted));
        const card = requireValue(await admin.openCard({ ...wanted, intent: "Merge." }));
        expect(card.requires).toHaveProperty("[1].roles", roles);
        expect(preview).toMatchObject({ denial: null, plan_digest: card.plan_digest });
        expect(preview.requires).toEqual(card.requires);
      }
    });

    it("a card waits for the attestation that the policy requires and lists it as missing", async () => {
      const project_id = await registerByCard(registry, "P.attested", { approvers: ["bob", "carol"], tenant });
      const clone = new Clone();
      const commit = clone.commit("a.txt", "a\n");
      await pushOrThrow(registry.as("admin", tenant), buildPush(project_id, "feature/a", null, clone.bundle("main")));
      const card = await openTagCard(registry.as("admin", tenant), { project_id, tag: "v1.0.0", commit });
      requireValue(await stateCardDecision(registry, "bob", card, "approve", { tenant }));
      expect(await listMissing(card)).toEqual([`an attestation of type ${PREDICATE}`]);
      expect(requireValue(await registry.as("admin", tenant).readCard(card.card_id))).toMatchObject({
        status: "awaiting_approval",
        jti: null,
      });
      expect(
        requireRefusal(
          await registry.as("admin", tenant).requestPermit({
            intent: "x",
            jobType: "git.registry.tag_release",
            params: { project_id, tag: "v1.0.0", commit, notes: "Notes." },
            target: "LAB_512",
            approval_ref: card.card_id,
          }),
        ),
      ).toMatchObject({ status: 403, code: "approval_required" });
    });

    /** Approves as an actor with a passkey of the actor's person. */
    const stateAs = (actor: string, person: string, card: CardAnswer) =>
      stateCardDecision({ ...registry, openPasskeys: () => registry.openPasskeys(person) }, actor, card, "approve", { tenant });
  });
}
