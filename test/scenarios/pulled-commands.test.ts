import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd, waitForCardToLeave, waitForCommandEnd } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { verifySignedObject } from "../../src/domain/bytes/signature.js";
import type { SignedStatement, StatementDecision } from "../../src/domain/card/statement.js";
import { hashEnvelope } from "../../src/domain/permit/envelope.js";
import { toPermitEndKey, toRefusalKey, toReleaseManifestKey } from "../../src/domain/storage-key.js";
import { demoTenants } from "../../src/stack/founding/demo-tenants.js";
import { buildPushJob, prepareCommand } from "../harness/acting.js";
import { buildPolicyWith, publishPolicy } from "../harness/policies.js";
import { buildPullTenant, createPullingEnvironment } from "../harness/pulling.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { ACT_MS, buildPush, ensurePasskeys, openTagCard, pushOrThrow, registerByCard, stateCardDecision } from "./acts.js";
import { listEvents } from "./stored-state.js";

const PULL = "T.PULL";
const PROJECT = "P.pulled";

/** The default policy. `edition` only varies its hash. */
const buildEdition = (edition: number) =>
  buildPolicyWith((data) => ({ ...data, levels: { ...data.levels, L0: { ...data.levels.L0, max_run_ms: 600_000 + edition } } }));

describe("a command that a Runner pulls over HTTP", () => {
  const [demo] = demoTenants;
  const { seed, tokens } = buildPullTenant(PULL, demo?.actors ?? []);
  const clone = new Clone();
  const commit = clone.commit("a.txt", "a\n");
  let registry: ServedRegistry;
  let editions = 0;

  beforeAll(async () => {
    registry = await startRegistryInProcess({ name: "pulled", policy: await buildEdition(0), tenants: [...demoTenants, seed] });
    await registry.lab512.stop();
    await registry.lab512.start({ env: await createPullingEnvironment(registry, { [PULL]: tokens }) });
    await ensurePasskeys(registry, "bob", "carol");
    for (const tenant of ["T.UBL", PULL]) {
      await registerByCard(registry, PROJECT, { tenant });
      await pushOrThrow(registry.as("admin", tenant), buildPush(PROJECT, "feature/a", null, clone.bundle("main")));
    }
  });
  afterAll(() => registry?.stop());

  const republish = async () => {
    editions += 1;
    await publishPolicy(registry, PULL, await buildEdition(editions));
  };
  const readJson = async (key: string) => JSON.parse(Buffer.from((await registry.store.blobs.get(key)) ?? []).toString("utf8"));

  it("and refuses ends at once together with its permit", async () => {
    const author = registry.as("admin", PULL);
    const envelope = await prepareCommand(author, buildPushJob(clone, PROJECT, "feature/refused"));
    await republish();
    requireValue(await author.issueCommand(envelope));
    const ended = await waitForCommandEnd(author, envelope.jti, ACT_MS);
    expect(Date.now()).toBeLessThan(envelope.permit.exp);
    const refusal = await readJson(toRefusalKey(PULL, hashEnvelope(envelope)));
    expect(refusal).toMatchObject({ status: "denied", code: "policy_not_current" });
    expect(ended).toMatchObject({
      status: "denied",
      denial: { code: "policy_not_current" },
      refusals: [{ envelope_digest: hashEnvelope(envelope), kid: refusal.kid, code: "policy_not_current" }],
    });
    expect(await readJson(toPermitEndKey(PULL, envelope.jti))).toMatchObject({ end: "refused" });
    expect(requireValue(await author.readPermitState(envelope.jti))).toMatchObject({ status: "refused", ended_by: "LAB_256" });
  });

  it("and refuses closes its card with the Runner's reason", async () => {
    const author = registry.as("admin", PULL);
    const params = { project_id: PROJECT, tag: "v0.0.1", commit, notes: "Notes." };
    const card = await openTagCard(author, params, { run: "on_command" });
    requireValue(await stateCardDecision(registry, "bob", card, "approve", { tenant: PULL }));
    await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], ACT_MS);
    const envelope = await prepareCommand(author, { jobType: "git.registry.tag_release", params }, { approval_ref: card.card_id });
    await republish();
    requireValue(await author.issueCommand(envelope));
    expect(await waitForCardEnd(author, card.card_id, ACT_MS)).toMatchObject({ status: "denied", denial: { code: "policy_not_current" } });
  });

  it("for a release has the same manifest as on Temporal, with only the valid approvals", async () => {
    const said: readonly (readonly [string, StatementDecision])[] = [
      ["bob", "approve"],
      ["bob", "withdraw"],
      ["carol", "approve"],
    ];
    const readManifest = async (tenant: string) => {
      const author = registry.as("admin", tenant);
      const card = await openTagCard(author, { project_id: PROJECT, tag: "v1.0.0", commit }, { risk: "L5" });
      for (const [who, decision] of said) requireValue(await stateCardDecision(registry, who, card, decision, { tenant }));
      requireValue(await stateCardDecision(registry, "bob", card, "approve", { tenant }));
      const closed = await waitForCardEnd(author, card.card_id, ACT_MS);
      expect(closed).toMatchObject({ status: "success" });
      const statements = await listEvents(registry, "card.approved", tenant);
      const recorded = statements.filter(({ card_id }) => card_id === card.card_id).map(({ signed }) => signed);
      return { manifest: await readJson(toReleaseManifestKey(tenant, PROJECT, "v1.0.0")), recorded };
    };
    const [temporal, pulled] = [await readManifest("T.UBL"), await readManifest(PULL)];
    expect(toShape(pulled.manifest)).toEqual(toShape(temporal.manifest));
    const approvals = pulled.manifest.approvals as SignedStatement[];
    expect(approvals.map(({ statement: { approver, decision } }) => [approver.split(":").at(-1), decision])).toEqual([
      ["carol", "approve"],
      ["bob", "approve"],
    ]);
    // Bob withdrew his first approval.
    expect(approvals).toEqual(pulled.recorded.slice(1));
    const keys = { keys: [readSigningKey(registry.founded.keys.statement).jwk] };
    for (const { statement, attestor, assertion } of approvals) {
      expect(verifySignedObject("statement", { ...statement, ...attestor }, keys)).toBe("valid");
      expect(statement.plan_digest).toBe(pulled.manifest.permit.scopes.plan_digest);
      expect(assertion).toBeDefined();
    }
  });
});

/** Reduces a manifest to the members that do not depend on the tenant. */
function toShape({ approvals, ...manifest }: { approvals: SignedStatement[] }) {
  return {
    members: Object.keys(manifest).sort(),
    approvals: approvals.map(({ statement, assertion }) => [
      statement.approver,
      statement.decision,
      statement.office_id,
      assertion !== undefined,
    ]),
  };
}
