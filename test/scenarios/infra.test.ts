import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { checkInfraRegistry } from "../../src/cli/doctor/infra.js";
import { buildCommandEnvelope } from "../../src/client/acting.js";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import { verifyReceipt } from "../../src/client/offline/receipt.js";
import { waitForCardEnd, waitForCommandEnd } from "../../src/client/waiting.js";
import { readJwks } from "../../src/configuration/keys.js";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { demoTenants, OTHER_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { createInfraProject, INFRA_PROJECT, type InfraProject } from "../infra-engine/infra-project.js";
import { type Entry, formatRegistryJson } from "../infra-engine/registries.js";
import { Clone } from "../repository/real-git.js";
import {
  ACT_MS,
  approveAsEach,
  buildDeletion,
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
import { describeInfraQueries } from "./infra-queries.js";
import { describeInfraResets } from "./infra-resets.js";
import { buildScenarioPolicy } from "./policies.js";
import { listEvents, readLedger } from "./stored-state.js";
import { QUORUM_OFFICE } from "./tenants.js";

const ENTRIES: Readonly<Record<string, Entry>> = {
  "T.UBL/P.infra": "enabled production",
  "T.UBL/P.sandbox": "enabled sandbox",
  "T.UBL/P.live": "enabled production",
  "T.UBL/P.off": "enabled sandbox",
  "T.OTHER/P.theirs": "enabled production",
};
/** The changelog line of a merge that disables `P.off`. */
const DISABLE_OFF = {
  ...{ timestamp: "2026-01-31T12:00:00.000Z", action: "disable", owner: "T.UBL", repo: "P.off" },
  ...{ reason: "a test", process: "infra-cli", schema_version: "2.0" },
};

/** The tenants of the demo, with an office that needs two approvals, and a second person in the other tenant. */
function buildInfraTenants(): TenantSeed[] {
  const quorum = { office_id: QUORUM_OFFICE, roles: [] };
  const [otto, offices] = ["ubl:sid:person:otto", [{ office_id: OFFICE, roles: [] }]];
  return demoTenants.map((tenant) => {
    const [first, ...actors] = (tenant.actors ?? []).map((actor, n) =>
      n === 0 ? { ...actor, offices: [...(actor.offices ?? []), quorum] } : actor,
    );
    const others =
      tenant.tenant_id === OTHER_TENANT ? [{ actor_id: otto, person_id: "person:otto", display_name: "Otto", offices }] : actors;
    return { ...tenant, actors: first === undefined ? [] : [first, ...others] };
  });
}
const voidedSchema = z.array(z.looseObject({ void_why: z.string().nullable() }));

describe("a registry whose infra registry is a project", () => {
  let registry: ServedRegistry;
  let keeper: InfraProject;
  let clone: Clone;
  let base: string;
  let revision: string;

  const publish = async (changes: Readonly<Record<string, Entry | undefined>> = {}, telemetry?: string): Promise<string> => {
    const entries = Object.entries({ ...ENTRIES, ...changes }).flatMap(([slug, entry]) =>
      entry === undefined ? [] : [[slug, entry] as const],
    );
    revision = await keeper.publish(formatRegistryJson(Object.fromEntries(entries), telemetry));
    return revision;
  };
  const actAsAdmin = () => registry.as("admin");
  const openRegistration = (project: string) =>
    openScenarioCard(actAsAdmin(), { jobType: "git.registry.init", params: buildRegistrationParams(project) });
  const pushTo = (project: string, branch: string) => issuePush(actAsAdmin(), buildPush(project, branch, null, clone.bundle("main")));

  beforeAll(async () => {
    const infra = `registry:T.UBL/${INFRA_PROJECT}`;
    registry = await startRegistryInProcess({ name: "infra", infra, policy: await buildScenarioPolicy(), tenants: buildInfraTenants() });
    keeper = createInfraProject(registry);
    clone = new Clone();
    base = clone.commit("a.txt", "a\n");
    await ensurePasskeys(registry, "bob", "carol");
  });
  afterAll(() => registry?.stop());

  it("runs only acts of that project while it has no infra registry", async () => {
    expect(await openRegistration("P.sandbox")).toMatchObject({ status: "denied", denial: { code: "infra_unavailable" } });
    expect(requireRefusal(await actAsAdmin().readInfraContext("P.sandbox"))).toMatchObject({ status: 503, code: "infra_unavailable" });
    expect(await registerByCard(registry, INFRA_PROJECT)).toBe(INFRA_PROJECT);
    await publish();
    expect(requireValue(await actAsAdmin().readInfraContext(INFRA_PROJECT))).toMatchObject({
      state: "enabled",
      is_registry: true,
      revision,
    });
  });

  it("runs acts of enabled projects, and each receipt names the revision it was checked against", async () => {
    for (const project of ["P.sandbox", "P.live", "P.off"]) await registerByCard(registry, project);
    const { command, permit } = await pushOrThrow(actAsAdmin(), buildPush("P.live", "feature/a", null, clone.bundle("main")));
    expect(permit.scopes.infra_hash).toMatch(/^[0-9a-f]{64}$/);
    const receipt = requireValue(await actAsAdmin().readReceipt(permit.jti));
    expect(receipt).toMatchObject({ status: "success", infra_revision: revision });
    expect(command.receipt).toMatchObject({ infra_revision: revision });
    const keys = readJwks(registry.founded.keys.receiptJwks);
    expect(verifyReceipt(receipt, keys)).toMatchObject({ valid: true });
    expect(verifyReceipt({ ...receipt, infra_revision: "0".repeat(40) }, keys)).toMatchObject({ valid: false });
  });

  it("denies acts of an unregistered project with the command that registers it", async () => {
    const card = await openRegistration("P.unknown");
    expect(card).toMatchObject({ status: "denied", denial: { code: "policy_denied" } });
    expect(card.reasons).toContainEqual({
      rule: "infra.missing",
      text: expect.stringContaining("scripts/infra/infra.sh register T.UBL/P.unknown --context sandbox|production"),
    });
    const direct = await pushTo("P.unknown", "feature/a");
    expect(requireRefusal(direct)).toMatchObject({ status: 403, code: "policy_denied" });
    expect(requireRefusal(direct).detail).toContain("register T.UBL/P.unknown");
  });

  it("denies acts of a disabled project with the command that enables it, until it is enabled", async () => {
    await publish({ "T.UBL/P.off": "disabled sandbox" });
    const refused = requireRefusal(await pushTo("P.off", "feature/a"));
    expect(refused).toMatchObject({ status: 403, code: "policy_denied" });
    expect(refused.detail).toContain("ogr infra enable T.UBL/P.off");
    expect(await openTagCard(actAsAdmin(), { project_id: "P.off", tag: "v1.0.0", commit: base })).toMatchObject({
      status: "denied",
    });
    await publish();
    expect((await pushTo("P.off", "feature/a")).ok).toBe(true);
  });

  it("runs acts of the project that holds it even if that project is disabled or unregistered", async () => {
    for (const entry of ["disabled production", undefined] as const) {
      await publish({ [`T.UBL/${INFRA_PROJECT}`]: entry });
      const { state: found } = requireValue(await actAsAdmin().readInfraContext(INFRA_PROJECT));
      expect(found).toBe(entry === undefined ? "missing" : "disabled");
    }
    await publish();
    expect(requireValue(await actAsAdmin().readInfraContext(INFRA_PROJECT)).state).toBe("enabled");
  });

  describe("and a card", () => {
    const release = (tag: string, office_id = OFFICE) =>
      openTagCard(actAsAdmin(), { project_id: "P.live", tag, commit: base }, { office_id });

    it("whose project's context changed voids its approvals with the reason", async () => {
      const card = await release("v1.0.0", QUORUM_OFFICE);
      requireValue(await stateCardDecision(registry, "bob", card));
      // Nothing records this change: main is moved behind the registry's back. Whoever decides next finds it.
      await publish({}, "P.telemetry-2");
      requireValue(await stateCardDecision(registry, "carol", card));
      const changed = await waitForChangeFrom(card);
      expect(changed).toMatchObject({
        status: "awaiting_approval",
        plan: { basis: { infra: { state: "enabled", telemetry_repo: "T.UBL/P.telemetry-2" } } },
      });
      const voided = (await listEvents(registry, "card.approvals_voided")).filter(({ card_id }) => card_id === card.card_id);
      expect(voided).toMatchObject([{ plan_digest: card.plan_digest, approvals: [{}] }]);
      const [old, next] = voidedSchema.parse(changed.statements).map(({ void_why }) => void_why);
      expect([old, next]).toEqual([expect.stringContaining("infra context of T.UBL/P.live has changed"), null]);
      expect(await approveAsEach(registry, changed, ["bob"])).toMatchObject({ status: "success", plan_digest: changed.plan_digest });
    });

    it("keeps its plan when another project changes", async () => {
      const card = await release("v1.0.1");
      const before = revision;
      await publish({ "T.UBL/P.off": "disabled sandbox" }, "P.telemetry-2");
      const closed = await approveAsEach(registry, card, ["bob"]);
      expect(closed).toMatchObject({ status: "success", plan_digest: card.plan_digest });
      expect(revision).not.toBe(before);
      expect(requireValue(await actAsAdmin().readReceipt(closed.jti ?? ""))).toMatchObject({ infra_revision: revision });
    });

    it("is denied when somebody decides after its project was disabled", async () => {
      const card = await release("v1.0.2");
      await publish({ "T.UBL/P.live": "disabled production" }, "P.telemetry-2");
      expect(requireRefusal(await stateCardDecision(registry, "bob", card))).toMatchObject({ code: "closed" });
      const closed = await waitForCardEnd(actAsAdmin(), card.card_id, ACT_MS);
      expect(closed).toMatchObject({ status: "denied", denial: { code: "policy_denied" }, jti: null });
      expect(closed.reasons).toContainEqual(expect.objectContaining({ rule: "infra.disabled" }));
      await publish();
    });

    async function waitForChangeFrom(before: CardAnswer): Promise<CardAnswer> {
      for (;;) {
        const card = requireValue(await actAsAdmin().readCard(before.card_id));
        if (card.plan_digest !== before.plan_digest || card.status !== "awaiting_approval") return card;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });

  it("lets the Runner refuse a command whose project was disabled between permit and claim", async () => {
    const wanted = buildPush("P.off", "feature/late", null, clone.bundle("main"));
    const asked = { office_id: OFFICE, intent: "x", jobType: "git.registry.push", params: wanted.params, target: "LAB_512" };
    const granted = requireValue(await actAsAdmin().requestPermit(asked));
    await publish({ "T.UBL/P.off": "disabled sandbox" });
    requireValue(await actAsAdmin().issueCommand(buildCommandEnvelope(granted, { tenant_id: "T.UBL", ...asked }, { patch: wanted.patch })));
    const ended = await waitForCommandEnd(actAsAdmin(), granted.permit.jti, ACT_MS);
    expect(ended).toMatchObject({ status: "denied", denial: { code: "infra_changed" } });
    expect(ended.refusals).toMatchObject([{ code: "infra_changed" }]);
    expect(requireRefusal(await actAsAdmin().readReceipt(granted.permit.jti))).toMatchObject({ code: "not_found" });
    await publish();
    expect(toEnd(requireValue(await issuePush(actAsAdmin(), wanted)))).toMatchObject({ status: "success" });
  });

  it("denies all other acts while the infra registry on main is malformed", async () => {
    const good = formatRegistryJson(ENTRIES);
    await keeper.publish(good.replace('"enabled"', '"asleep"'));
    const refused = requireRefusal(await pushTo("P.live", "feature/broken"));
    expect(refused).toMatchObject({ status: 403, code: "infra_unavailable" });
    expect(refused.detail).toMatch(/line \d+, column \d+/);
    expect(await openRegistration("P.more")).toMatchObject({ status: "denied", denial: { code: "infra_unavailable" } });
    expect(requireRefusal(await actAsAdmin().readInfraContext("P.live"))).toMatchObject({ status: 503, code: "infra_unavailable" });
    expect(requireValue(await actAsAdmin().readInfraContext(INFRA_PROJECT))).toMatchObject({ state: "unavailable", is_registry: true });
    const finding = await checkInfraRegistry(actAsAdmin().connection, "T.UBL");
    expect(finding).toMatchObject({ state: "problem", text: expect.stringMatching(/line \d+/), next: expect.stringContaining("validate") });
    await publish();
    expect(await checkInfraRegistry(actAsAdmin().connection, "T.UBL")).toMatchObject({
      state: "ok",
      text: expect.stringContaining(revision),
    });
    expect((await pushTo("P.live", "feature/broken")).ok).toBe(true);
  });

  it("changes its infra registry only by a merge that another person approved", async () => {
    const before = revision;
    const buildProposal = (expected_source: string) => {
      const params = { project_id: INFRA_PROJECT, source: "feature/registry", target: "main", expected_source, expected_target: before };
      return openScenarioCard(actAsAdmin(), { jobType: "git.registry.merge_protected", params: { ...params, strategy: "merge" } });
    };
    const disabled = formatRegistryJson({ ...ENTRIES, "T.UBL/P.off": "disabled sandbox" });
    for (const bad of [disabled, formatRegistryJson({ ...ENTRIES, "T.UBL/P.live": "enabled sandbox" }), "no registry\n"])
      expect(await buildProposal(await keeper.propose(bad))).toMatchObject({ status: "denied", denial: { code: "infra_invalid" } });
    for (const forced of [
      buildPush(INFRA_PROJECT, "main", before, clone.bundle("main"), { force: true }),
      buildDeletion(INFRA_PROJECT, "main", before),
    ])
      expect(await openPushCard(actAsAdmin(), forced)).toMatchObject({ status: "denied", denial: { code: "infra_invalid" } });
    const proposed = await keeper.propose(disabled, `${JSON.stringify(DISABLE_OFF)}\n`);
    expect(requireValue(await actAsAdmin().readInfraContext("P.off"))).toMatchObject({ state: "enabled", revision: before });
    const card = await buildProposal(proposed);
    expect(card).toMatchObject({ status: "awaiting_approval", level: "L4", plan: { basis: { infra: { is_registry: true } } } });
    expect(requireValue(await actAsAdmin().readInfraContext("P.off"))).toMatchObject({ state: "enabled" });
    const merged = await approveAsEach(registry, card, ["bob"]);
    expect(merged).toMatchObject({ status: "success" });
    const now = requireValue(await actAsAdmin().readInfraContext("P.off"));
    expect(now).toMatchObject({ state: "disabled" });
    expect([before, proposed]).not.toContain(now.revision);
    expect(requireRefusal(await pushTo("P.off", "feature/merged"))).toMatchObject({ status: 403, code: "policy_denied" });
    expect(requireValue(await actAsAdmin().readInfraContext("P.off", before))).toMatchObject({ state: "enabled" });
    // The proposed commit is a valid revision once main contains it.
    expect(requireValue(await actAsAdmin().readInfraContext("P.off", proposed))).toMatchObject({ state: "disabled" });
  });

  it("voids by that merge the approvals of every tenant whose contexts it changes, before or with its receipt", async () => {
    const more = { office_id: QUORUM_OFFICE, risk: "L3" };
    const live = await openTagCard(actAsAdmin(), { project_id: "P.live", tag: "v2.0.0", commit: base }, more);
    const kept = await openPushCard(actAsAdmin(), buildPush("P.sandbox", "feature/kept", null, clone.bundle("main")), more);
    const theirs = await openScenarioCard(registry.as("olga", "T.OTHER"), {
      ...{ jobType: "git.registry.init", params: buildRegistrationParams("P.theirs"), office_id: QUORUM_OFFICE },
    });
    for (const card of [live, kept]) requireValue(await stateCardDecision(registry, "bob", card));
    requireValue(await stateCardDecision(registry, "otto", theirs, "approve", { tenant: "T.OTHER" }));
    const disabled: Readonly<Record<string, Entry>> = {
      "T.UBL/P.off": "disabled sandbox",
      "T.UBL/P.live": "disabled production",
      "T.OTHER/P.theirs": "disabled production",
    };
    // The changelog has the first line already.
    const lines = [
      DISABLE_OFF,
      ...[
        { ...DISABLE_OFF, repo: "P.live" },
        { ...DISABLE_OFF, owner: "T.OTHER", repo: "P.theirs" },
      ],
    ].map((line) => `${JSON.stringify(line)}\n`);
    const main = requireValue(await actAsAdmin().readInfraContext("P.live")).revision;
    const expected_source = await keeper.propose(formatRegistryJson({ ...ENTRIES, ...disabled }), lines.join(""));
    const params = { project_id: INFRA_PROJECT, source: "feature/registry", target: "main", expected_source, expected_target: main };
    const merge = await openScenarioCard(actAsAdmin(), {
      ...{ jobType: "git.registry.merge_protected", params: { ...params, strategy: "merge" } },
    });
    expect(merge.denial).toBeNull();
    expect(await approveAsEach(registry, merge, ["bob"])).toMatchObject({ status: "success" });

    const [mine, others] = await Promise.all(
      ["T.UBL", "T.OTHER"].map(async (tenant) =>
        (await listEvents(registry, "card.approvals_voided", tenant)).filter(({ card_id }) =>
          [live, kept, theirs].some((card) => card.card_id === card_id),
        ),
      ),
    );
    const state = '{"state":"disabled","context":"production"';
    expect(mine).toMatchObject([
      { card_id: live.card_id, why: expect.stringContaining(`The infra context of P.live changed to ${state}`) },
    ]);
    expect(others).toMatchObject([{ card_id: theirs.card_id, why: expect.stringContaining("The infra context of P.theirs changed") }]);
    const entries = await readLedger(registry);
    const receipt = entries.find((entry) => entry.type === "receipt.recorded" && entry.payload.card_id === merge.card_id);
    const voided = entries.findLast(({ type }) => type === "card.approvals_voided");
    expect([voided?.seq, voided?.at_ms]).toEqual([(receipt?.seq ?? 0) + 2, receipt?.at_ms]);
    const shown = requireValue(await registry.as("olga", "T.OTHER").readCard(theirs.card_id));
    expect(shown.void_why).toContain("The infra context of P.theirs changed");
    expect(requireValue(await actAsAdmin().readCard(kept.card_id))).toMatchObject({ round: 1, void_why: null });
    requireValue(await stateCardDecision(registry, "admin", kept, "withdraw"));
    await publish();
  });

  const getSetup = () => ({ registry, clone, base, publish, revision: () => revision });
  describeInfraQueries(getSetup);
  describeInfraResets(getSetup);
});
