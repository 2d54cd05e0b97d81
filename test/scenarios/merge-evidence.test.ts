import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { submitDecision } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { verifyReceiptPact } from "../../src/client/offline/pact.js";
import { waitForCardEnd } from "../../src/client/waiting.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { ACT_MS, approveAsEach, ensurePasskeys, OFFICE, requireRefusal, stateCardDecision } from "./acts.js";
import { MERGE, MergeProject } from "./merge-project.js";
import { waitUntilCardsAreClosed } from "./stored-state.js";
import { buildScenarioTenants } from "./tenants.js";

let registry: ServedRegistry;
beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "merge-evidence", tenants: buildScenarioTenants() });
  await ensurePasskeys(registry, "bob", "carol");
});
afterAll(() => registry?.stop());

describe("the evidence of a merge", () => {
  it("names the approvers, except one who withdrew through another of their actors", async () => {
    const project = await MergeProject.create(registry, "P.two-actors");
    expect((await approveAsEach(registry, await project.openMergeCard("main", "release/1.0"), ["bob", "carol"])).status).toBe("success");
    const card = await project.openMergeCard("feature/x", "release/1.0");
    requireValue(await stateCardDecision(registry, "bob", card));
    const byPhone = (decision: "approve" | "withdraw") =>
      submitDecision(registry.as("bob-phone"), registry.openPasskeys("bob"), { card_id: card.card_id, decision, office_id: OFFICE });
    requireValue(await byPhone("withdraw"));
    const { missing, statements = [] } = requireValue(await registry.as("admin").readCard(card.card_id));
    expect(missing.map(({ text }) => text)).toEqual(["2 more approvals with step-up"]);
    expect(statements.map(({ decision, void_why }) => [decision, void_why])).toEqual([
      ["approve", "Withdrawn by its approver."],
      ["withdraw", null],
    ]);
    requireValue(await stateCardDecision(registry, "carol", card));
    requireValue(await byPhone("approve"));
    const closed = await waitForCardEnd(registry.as("admin"), card.card_id, ACT_MS);
    expect(closed.status).toBe("success");
    const counted = ["ubl:sid:person:bob-phone", "ubl:sid:person:carol"];
    const [receipt, pact, keys] = await Promise.all([
      registry.as("admin").readReceipt(closed.jti ?? ""),
      registry.as("admin").readPact(closed.jti ?? ""),
      registry.as("admin").readPublicKeys(),
    ]);
    const verdict = verifyReceiptPact(requireValue(receipt), requireValue(pact), requireValue(keys));
    if (!verdict.valid) throw new Error(verdict.why);
    expect(verdict.unproved).toEqual([]);
    expect(verdict.pact.predicate.decision.approvals.map(({ statement }) => statement.approver).sort()).toEqual(counted);
    const git = await project.cloneMirror();
    const trailers = git("log", "-1", "--format=%(trailers:key=Approved-by,valueonly)", "origin/release/1.0");
    expect(trailers.trim().split("\n")).toEqual(counted);
  });
});

describe("a dry run of a merge", () => {
  it("returns the plan of a card and stores nothing", async () => {
    const project = await MergeProject.create(registry, "P.asked");
    await project.push("feature/one", "same.txt", "one\n");
    await project.push("feature/two", "same.txt", "two\n");
    expect((await approveAsEach(registry, await project.openMergeCard("feature/one", "main"), ["bob"])).status).toBe("success");
    const admin = registry.as("admin");
    const listKeys = async () => {
      const keys: string[] = [];
      for (const space of ["repos", "registry-metadata", "artifacts", "staging", "claims", "ends", "receipts", "refusals"])
        for await (const key of registry.store.blobs.list(`${space}/T.UBL/`)) keys.push(key);
      return keys.sort();
    };
    const verifiedLedger = async () => {
      // Housekeeping can add an anchor at any time.
      const { anchors_checked: _, ...ledger } = requireValue(await admin.verifyLedger());
      return ledger;
    };
    const seen = async () => ({
      ledger: await verifiedLedger(),
      cards: await admin.listCards().read(),
      keys: await listKeys(),
    });
    await waitUntilCardsAreClosed(registry);
    const before = await seen();
    const requestPlan = (params: object) => admin.planCard({ office_id: OFFICE, jobType: MERGE, params, target: "LAB_512" });
    const params = await project.buildParams("feature/x", "main");
    const clean = requireValue(await requestPlan(params));
    expect(clean).toMatchObject({ level: "L4", denial: null, plan: { commit_count: 1, diffstat: { files: 1 } } });
    expect(requireValue(await requestPlan(await project.buildParams("feature/two", "main")))).toMatchObject({
      level: "L4",
      plan: null,
      denial: {
        code: "merge_conflict",
        conflicts: [{ path: "same.txt", hunks: ["<<<<<<< main\none\n=======\ntwo\n>>>>>>> feature/two"] }],
      },
    });
    expect(requireValue(await requestPlan({ ...params, target: "feature/y" }))).toMatchObject({
      plan: null,
      denial: { code: "policy_denied" },
      reasons: [{ rule: "branch.not_protected" }],
    });
    expect(requireValue(await requestPlan({ ...params, project_id: "P.nowhere" }))).toMatchObject({
      plan: null,
      denial: { code: "project_unknown" },
    });
    expect(requireRefusal(await admin.planCard({ office_id: "office::agents", jobType: MERGE, params, target: "LAB_512" }))).toMatchObject({
      status: 403,
      code: "forbidden",
      detail: expect.stringContaining("does not hold office::agents"),
    });
    expect(await seen()).toEqual(before);
    // The card has the same plan.
    expect((await project.open(params)).plan_digest).toBe(clean.plan_digest);
  });
});
