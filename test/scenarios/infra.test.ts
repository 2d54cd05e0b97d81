import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { checkInfraRegistry } from "../../src/cli/doctor/infra.js";
import { buildCommandEnvelope } from "../../src/client/acting.js";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import { verifyReceipt } from "../../src/client/offline/receipt.js";
import { waitForCommandEnd } from "../../src/client/waiting.js";
import { readJwks } from "../../src/configuration/keys.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { KEEPER, type Keeper, keeperOf } from "../infra-engine/keeper.js";
import { type Entry, registryJson } from "../infra-engine/registries.js";
import { Clone } from "../repository/real-git.js";
import {
  ACT_MS,
  approvedBy,
  deletionOf,
  endOf,
  initParams,
  OFFICE,
  openCard,
  openPushCard,
  openTagCard,
  push,
  pushed,
  pushOf,
  refusal,
  registered,
  state,
  withPasskeys,
} from "./acts.js";
import { infraQuestionScenarios } from "./infra-questions.js";
import { infraResetScenarios } from "./infra-resets.js";
import { eventsOf } from "./what-is-stored.js";

const ENTRIES: Readonly<Record<string, Entry>> = {
  "T.UBL/P.infra": "enabled production",
  "T.UBL/P.sandbox": "enabled sandbox",
  "T.UBL/P.live": "enabled production",
  "T.UBL/P.off": "enabled sandbox",
  "T.OTHER/P.theirs": "enabled production",
};
/** The changelog's line of what a merge changes. */
const DISABLE_OFF = {
  ...{ timestamp: "2026-01-31T12:00:00.000Z", action: "disable", owner: "T.UBL", repo: "P.off" },
  ...{ reason: "a test", process: "infra-cli", schema_version: "2.0" },
};
const voidedSchema = z.array(z.looseObject({ void_why: z.string().nullable() }));

describe("a registry that keeps its infra registry in a project of its own", () => {
  let registry: TestRegistry;
  let keeper: Keeper;
  let clone: Clone;
  let base: string;
  let revision: string;

  const publish = async (changes: Readonly<Record<string, Entry | undefined>> = {}, telemetry?: string): Promise<string> => {
    const entries = Object.entries({ ...ENTRIES, ...changes }).flatMap(([slug, entry]) =>
      entry === undefined ? [] : [[slug, entry] as const],
    );
    revision = await keeper.publish(registryJson(Object.fromEntries(entries), telemetry));
    return revision;
  };
  const admin = () => registry.as("admin");
  const opened = (project: string) => openCard(admin(), { jobType: "git.registry.init", params: initParams(project) });
  const pushTo = (project: string, branch: string) => push(admin(), pushOf(project, branch, null, clone.bundle("main")));

  beforeAll(async () => {
    registry = await startTestRegistry({ name: "infra", infra: `registry:T.UBL/${KEEPER}` });
    keeper = keeperOf(registry);
    clone = new Clone();
    base = clone.commit("a.txt", "a\n");
    await withPasskeys(registry, "bob", "carol");
  });
  afterAll(() => registry?.stop());

  it("runs nothing before there is one, but the project that shall keep it", async () => {
    expect(await opened("P.sandbox")).toMatchObject({ status: "denied", denial: { code: "infra_unavailable" } });
    expect(refusal(await admin().readInfraContext("P.sandbox"))).toMatchObject({ status: 503, code: "infra_unavailable" });
    expect(await registered(registry, KEEPER)).toBe(KEEPER);
    await publish();
    expect(requireValue(await admin().readInfraContext(KEEPER))).toMatchObject({ state: "enabled", is_registry: true, revision });
  });

  it("runs what is enabled, and every receipt names the revision by which it was checked", async () => {
    for (const project of ["P.sandbox", "P.live", "P.off"]) await registered(registry, project);
    const { command, permit } = await pushed(admin(), pushOf("P.live", "feature/a", null, clone.bundle("main")));
    expect(permit.scopes.infra_hash).toMatch(/^[0-9a-f]{64}$/);
    const receipt = requireValue(await admin().readReceipt(permit.jti));
    expect(receipt).toMatchObject({ status: "success", infra_revision: revision });
    expect(command.receipt).toMatchObject({ infra_revision: revision });
    const keys = readJwks(registry.founded.keys.receipt_jwks);
    expect(verifyReceipt(receipt, keys)).toMatchObject({ valid: true });
    expect(verifyReceipt({ ...receipt, infra_revision: "0".repeat(40) }, keys)).toMatchObject({ valid: false });
  });

  it("denies what it does not know, with the command that registers it", async () => {
    const card = await opened("P.unknown");
    expect(card).toMatchObject({ status: "denied", denial: { code: "policy_denied" } });
    expect(card.reasons).toContainEqual({
      rule: "infra.missing",
      text: expect.stringContaining("scripts/infra/infra.sh register T.UBL/P.unknown --context sandbox|production"),
    });
    const direct = await pushTo("P.unknown", "feature/a");
    expect(refusal(direct)).toMatchObject({ status: 403, code: "policy_denied" });
    expect(refusal(direct).detail).toContain("register T.UBL/P.unknown");
  });

  it("denies what is disabled, with the command that enables it, and goes on when it is enabled again", async () => {
    await publish({ "T.UBL/P.off": "disabled sandbox" });
    const refused = refusal(await pushTo("P.off", "feature/a"));
    expect(refused).toMatchObject({ status: 403, code: "policy_denied" });
    expect(refused.detail).toContain("ogr infra enable T.UBL/P.off");
    expect(await openTagCard(admin(), { project_id: "P.off", tag: "v1.0.0", commit: base })).toMatchObject({
      status: "denied",
    });
    await publish();
    expect((await pushTo("P.off", "feature/a")).ok).toBe(true);
  });

  it("lets the project that keeps it be worked on when it is disabled or no longer named", async () => {
    for (const entry of ["disabled production", undefined] as const) {
      await publish({ [`T.UBL/${KEEPER}`]: entry });
      const { state: found } = requireValue(await admin().readInfraContext(KEEPER));
      expect(found).toBe(entry === undefined ? "missing" : "disabled");
    }
    await publish();
    expect(requireValue(await admin().readInfraContext(KEEPER)).state).toBe("enabled");
  });

  describe("and a card", () => {
    const release = (tag: string) => openTagCard(admin(), { project_id: "P.live", tag, commit: base });

    it("whose project's context changed asks for its approvals again, and says why", async () => {
      const card = await release("v1.0.0");
      await publish({}, "P.telemetry-2");
      requireValue(await state(registry, "bob", card));
      const changed = await changedFrom(card);
      expect(changed).toMatchObject({
        status: "awaiting_approval",
        plan: { basis: { infra: { state: "enabled", telemetry_repo: "T.UBL/P.telemetry-2" } } },
      });
      const voided = (await eventsOf(registry, "card.approvals_voided")).filter(({ card_id }) => card_id === card.card_id);
      expect(voided).toMatchObject([{ plan_digest: card.plan_digest, approvals: [{}] }]);
      for (const { void_why } of voidedSchema.parse(changed.statements)) expect(void_why).toContain("infra context changed");
      expect(await approvedBy(registry, changed, ["carol"])).toMatchObject({ status: "success", plan_digest: changed.plan_digest });
    });

    it("of one project is no matter of another project's change", async () => {
      const card = await release("v1.0.1");
      const before = revision;
      await publish({ "T.UBL/P.off": "disabled sandbox" }, "P.telemetry-2");
      const closed = await approvedBy(registry, card, ["bob"]);
      expect(closed).toMatchObject({ status: "success", plan_digest: card.plan_digest });
      expect(revision).not.toBe(before);
      expect(requireValue(await admin().readReceipt(closed.jti ?? ""))).toMatchObject({ infra_revision: revision });
    });

    it("of a project that is disabled meanwhile is denied, whoever has approved it", async () => {
      const card = await release("v1.0.2");
      await publish({ "T.UBL/P.live": "disabled production" }, "P.telemetry-2");
      const closed = await approvedBy(registry, card, ["bob"]);
      expect(closed).toMatchObject({ status: "denied", denial: { code: "policy_denied" }, jti: null });
      expect(closed.reasons).toContainEqual(expect.objectContaining({ rule: "infra.disabled" }));
      await publish();
    });

    async function changedFrom(before: CardAnswer): Promise<CardAnswer> {
      for (;;) {
        const card = requireValue(await admin().readCard(before.card_id));
        if (card.plan_digest !== before.plan_digest || card.status !== "awaiting_approval") return card;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });

  it("has the Runner look again: what was disabled between permit and claim is refused and moves nothing", async () => {
    const wanted = pushOf("P.off", "feature/late", null, clone.bundle("main"));
    const asked = { office_id: OFFICE, intent: "x", jobType: "git.registry.push", params: wanted.params, target: "LAB_512" };
    const granted = requireValue(await admin().requestPermit(asked));
    await publish({ "T.UBL/P.off": "disabled sandbox" });
    requireValue(await admin().issueCommand(buildCommandEnvelope(granted, { tenant_id: "T.UBL", ...asked }, { patch: wanted.patch })));
    const ended = await waitForCommandEnd(admin(), granted.permit.jti, ACT_MS);
    expect(ended).toMatchObject({ status: "denied", denial: { code: "infra_changed" } });
    expect(ended.refusals).toMatchObject([{ code: "infra_changed" }]);
    expect(refusal(await admin().readReceipt(granted.permit.jti))).toMatchObject({ code: "not_found" });
    await publish();
    expect(endOf(requireValue(await push(admin(), wanted)))).toMatchObject({ status: "success" });
  });

  it("that is broken on main stops everything, until a change of its own project mends it", async () => {
    const good = registryJson(ENTRIES);
    await keeper.publish(good.replace('"enabled"', '"asleep"'));
    const refused = refusal(await pushTo("P.live", "feature/broken"));
    expect(refused).toMatchObject({ status: 403, code: "infra_unavailable" });
    expect(refused.detail).toMatch(/line \d+, column \d+/);
    expect(await opened("P.more")).toMatchObject({ status: "denied", denial: { code: "infra_unavailable" } });
    expect(refusal(await admin().readInfraContext("P.live"))).toMatchObject({ status: 503, code: "infra_unavailable" });
    expect(requireValue(await admin().readInfraContext(KEEPER))).toMatchObject({ state: "unavailable", is_registry: true });
    const finding = await checkInfraRegistry(admin().connection, "T.UBL");
    expect(finding).toMatchObject({ state: "problem", text: expect.stringMatching(/line \d+/), next: expect.stringContaining("validate") });
    await publish();
    expect(await checkInfraRegistry(admin().connection, "T.UBL")).toMatchObject({ state: "ok", text: expect.stringContaining(revision) });
    expect((await pushTo("P.live", "feature/broken")).ok).toBe(true);
  });

  it("is changed by a merge that somebody else approved, and by nothing less", async () => {
    const before = revision;
    const proposal = (expected_source: string) => {
      const params = { project_id: KEEPER, source: "feature/registry", target: "main", expected_source, expected_target: before };
      return openCard(admin(), { jobType: "git.registry.merge_protected", params: { ...params, strategy: "merge" } });
    };
    const disabled = registryJson({ ...ENTRIES, "T.UBL/P.off": "disabled sandbox" });
    for (const bad of [disabled, registryJson({ ...ENTRIES, "T.UBL/P.live": "enabled sandbox" }), "no registry\n"])
      expect(await proposal(await keeper.propose(bad))).toMatchObject({ status: "denied", denial: { code: "infra_invalid" } });
    for (const forced of [pushOf(KEEPER, "main", before, clone.bundle("main"), { force: true }), deletionOf(KEEPER, "main", before)])
      expect(await openPushCard(admin(), forced)).toMatchObject({ status: "denied", denial: { code: "infra_invalid" } });
    const proposed = await keeper.propose(disabled, `${JSON.stringify(DISABLE_OFF)}\n`);
    expect(requireValue(await admin().readInfraContext("P.off"))).toMatchObject({ state: "enabled", revision: before });
    const card = await proposal(proposed);
    expect(card).toMatchObject({ status: "awaiting_approval", level: "L4", plan: { basis: { infra: { is_registry: true } } } });
    expect(requireValue(await admin().readInfraContext("P.off"))).toMatchObject({ state: "enabled" });
    const merged = await approvedBy(registry, card, ["bob"]);
    expect(merged).toMatchObject({ status: "success" });
    const now = requireValue(await admin().readInfraContext("P.off"));
    expect(now).toMatchObject({ state: "disabled" });
    expect([before, proposed]).not.toContain(now.revision);
    expect(refusal(await pushTo("P.off", "feature/merged"))).toMatchObject({ status: 403, code: "policy_denied" });
    expect(requireValue(await admin().readInfraContext("P.off", before))).toMatchObject({ state: "enabled" });
    // What was only proposed is a revision like any other once main has it.
    expect(requireValue(await admin().readInfraContext("P.off", proposed))).toMatchObject({ state: "disabled" });
  });

  const floor = () => ({ registry, clone, base, publish, revision: () => revision });
  infraQuestionScenarios(floor);
  infraResetScenarios(floor);
});
