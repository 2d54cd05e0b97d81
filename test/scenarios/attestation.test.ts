import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd } from "../../src/client/waiting.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { rebuildProjections } from "../../src/lab256/ledger/rebuild-projections.js";
import { verifyProjections } from "../../src/lab256/ledger/verify-projections.js";
import { runOgr, toPersonEnvironment } from "../cli/run-ogr.js";
import { buildAttestationStatement, PREDICATE_TYPE, signAttestation } from "../domain/attestations.js";
import { createTestKey } from "../domain/samples.js";
import { buildPolicyWith, publishPolicy } from "../harness/policies.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import {
  ACT_MS,
  approveAsEach,
  buildRegistrationParams,
  ensurePasskeys,
  openScenarioCard,
  requireRefusal,
  stateCardDecision,
} from "./acts.js";
import { listEvents } from "./stored-state.js";

const MISSING = `an attestation of type ${PREDICATE_TYPE}`;
const APPROVALS = "2 more approvals with step-up";
const attestor = createTestKey();
const mallory = createTestKey();

/** A policy by which a registration has level L5 and requires an attestation. `maxRunMs` only varies the policy's hash. */
const buildAttestedPolicy = (maxRunMs = 600_000) =>
  buildPolicyWith((data) => ({
    ...data,
    levels: { ...data.levels, L5: { ...data.levels.L5, max_run_ms: maxRunMs } },
    jobs: { ...data.jobs, "git.registry.init": { level: "L5", target: "LAB_512", attestation: PREDICATE_TYPE } },
    attestors: { [PREDICATE_TYPE]: { keys: [attestor.jwk] } },
  }));

describe("an act of level L5 that needs an attestation", () => {
  let registry: ServedRegistry;

  beforeAll(async () => {
    registry = await startRegistryInProcess({ name: "attestation", policy: await buildAttestedPolicy() });
    await ensurePasskeys(registry, "bob", "carol");
  });
  afterAll(() => registry?.stop());

  const open = (project_id: string) =>
    openScenarioCard(registry.as("admin"), { jobType: "git.registry.init", params: buildRegistrationParams(project_id) });
  const readCardNow = async ({ card_id }: CardAnswer) => requireValue(await registry.as("admin").readCard(card_id));
  const listMissing = async (card: CardAnswer) => (await readCardNow(card)).missing.map(({ text }) => text);
  const attest = (card: CardAnswer, change: { key?: typeof attestor; plan_digest?: string; card_id?: string; type?: string } = {}) => {
    const { key = attestor, plan_digest = card.plan_digest ?? "", card_id = card.card_id, type = PREDICATE_TYPE } = change;
    return registry
      .as("ci")
      .attest(card.card_id, signAttestation(buildAttestationStatement(card_id, plan_digest, { predicateType: type }), key));
  };

  it("waits for it, rejects other attestations, and runs with it and the approvals of two persons", async () => {
    const card = await open("P.attested");
    expect(card).toMatchObject({ level: "L5", missing: [{ text: APPROVALS }, { text: MISSING }], attestations: [] });
    for (const wrong of [
      { key: mallory },
      { key: { ...mallory, kid: attestor.kid } },
      { plan_digest: "0".repeat(64) },
      { card_id: "k-other" },
      { type: "https://slsa.dev/provenance/v1" },
    ])
      expect(requireRefusal(await attest(card, wrong))).toMatchObject({ status: 403, code: "attestation_invalid" });
    expect(await listMissing(card)).toEqual([APPROVALS, MISSING]);
    const bare = { payloadType: "text/plain", payload: "e30=", signatures: [] };
    expect(requireRefusal(await registry.as("ci").attest(card.card_id, bare))).toMatchObject({ status: 400, code: "invalid_request" });
    const genuine = signAttestation(buildAttestationStatement(card.card_id, card.plan_digest ?? ""), attestor);
    expect(requireRefusal(await registry.as("olga", "T.OTHER").attest(card.card_id, genuine))).toMatchObject({
      status: 404,
      code: "not_found",
    });

    requireValue(await stateCardDecision(registry, "bob", card));
    for (let times = 0; times < 2; times += 1) requireValue(await attest(card));
    expect(await listMissing(card)).toEqual(["1 more approval with step-up"]);
    const closed = await approveAsEach(registry, card, ["carol"]);
    expect(closed).toMatchObject({
      status: "success",
      attestations: [{ predicate_type: PREDICATE_TYPE, keyid: attestor.kid, plan_digest: card.plan_digest, round: 1, void_why: null }],
    });
    expect(requireRefusal(await attest(card))).toMatchObject({ status: 409, code: "closed" });
  });

  it("runs at once if the attestation was the last requirement, with a permit issued at that time", async () => {
    const card = await open("P.attested-last");
    for (const name of ["bob", "carol"]) requireValue(await stateCardDecision(registry, name, card));
    expect(await readCardNow(card)).toMatchObject({ status: "awaiting_approval", missing: [{ text: MISSING }], jti: null });
    const before = Date.now();
    requireValue(await attest(card));
    const closed = await waitForCardEnd(registry.as("admin"), card.card_id, ACT_MS);
    expect(closed.status).toBe("success");
    expect(closed.run_by).toBeGreaterThanOrEqual(before + 300_000);
  });

  it("accepts it from `ogr card attest`, which exits with an error for a wrong one", async () => {
    const card = await open("P.attested-by-terminal");
    for (const name of ["bob", "carol"]) requireValue(await stateCardDecision(registry, name, card));
    const file = join(registry.dataDir, "envelope.json");
    const attest = async (statement: object, ...more: string[]) => {
      await writeFile(file, JSON.stringify(signAttestation(statement, attestor)));
      return runOgr(["card", "attest", card.card_id, "--file", file, ...more], toPersonEnvironment(registry, "ci"));
    };
    const wrong = await attest(buildAttestationStatement("k-other", card.plan_digest ?? ""));
    expect([wrong.code, wrong.stderr]).toEqual([3, expect.stringContaining("attestation_invalid")]);
    const right = await attest(buildAttestationStatement(card.card_id, card.plan_digest ?? ""), "--wait");
    expect([right.code, right.stdout]).toEqual([0, expect.stringContaining(`attested  ${PREDICATE_TYPE} by the key ${attestor.kid}`)]);
    expect((await runOgr(["card", "attest", card.card_id, "--file", "nowhere.json"], toPersonEnvironment(registry, "ci"))).code).toBe(2);
  });

  it("keeps its attestation when an approval is withdrawn and given again", async () => {
    const card = await open("P.attested-withdrawn");
    requireValue(await attest(card));
    requireValue(await stateCardDecision(registry, "bob", card));
    requireValue(await stateCardDecision(registry, "bob", card, "withdraw"));
    expect(await listMissing(card)).toEqual([APPROVALS]);
    expect((await approveAsEach(registry, card, ["carol", "bob"])).status).toBe("success");
  });

  it("needs a new one after the plan has changed, and says why", async () => {
    const card = await open("P.attested-anew");
    requireValue(await attest(card));
    requireValue(await stateCardDecision(registry, "bob", card));
    await publishPolicy(registry, "T.UBL", await buildAttestedPolicy(500_000));
    requireValue(await stateCardDecision(registry, "carol", card));
    const changed = await waitForChangeFrom(card);
    // Carol decided about the new plan.
    expect(changed.missing.map(({ text }) => text)).toEqual(["1 more approval with step-up", MISSING]);
    expect(changed.attestations).toMatchObject([{ plan_digest: card.plan_digest, void_why: expect.stringContaining("policy") }]);
    expect(requireRefusal(await attest(card))).toMatchObject({
      code: "attestation_invalid",
      detail: expect.stringContaining("another plan"),
    });
    requireValue(await attest(changed));
    const closed = await approveAsEach(registry, card, ["bob"]);
    expect(closed).toMatchObject({ status: "success", attestations: [{ round: 1 }, { round: 2, void_why: null }] });
  });

  it("has its attestations in the ledger, and a rebuild yields the same card", async () => {
    const attested = await listEvents(registry, "card.attested");
    expect(attested.map(({ card_id }) => card_id)).toHaveLength(6);
    const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
    try {
      const listRows = () => db.selectFrom("card_attestations").selectAll().orderBy("seq").execute();
      const before = await listRows();
      await rebuildProjections(db, "T.UBL");
      expect(await listRows()).toEqual(before);
      expect(await verifyProjections(db, "T.UBL")).toMatchObject({ ok: true });
    } finally {
      await db.destroy();
    }
  });

  /** Waits until the card awaits decisions about another plan than `before`. */
  async function waitForChangeFrom(before: CardAnswer): Promise<CardAnswer> {
    for (;;) {
      const card = await readCardNow(before);
      if (card.plan_digest !== before.plan_digest || card.status !== "awaiting_approval") return card;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
});
