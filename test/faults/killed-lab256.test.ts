import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import type { Lab256Activities } from "../../src/domain/flow/lab256-steps.js";
import type { EventPayloads, LedgerEntry } from "../../src/domain/ledger/event.js";
import { toReceiptKey } from "../../src/domain/storage-key.js";
import type { Lab256Step } from "../../src/lab256/acts/dependencies.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { readClaim, readPermitEnd } from "../../src/storage/claims.js";
import type { FlowState } from "../../src/workflows/messages.js";
import { expectSoundLedger, readCatalogRefs } from "../attacks/evidence.js";
import { PATIENCE_MS } from "../harness/acting.js";
import { chooseExtent } from "../harness/campaign.js";
import { type ActsSetup, IDLE_TENANT, openActsSetup, PROJECT, PULL_TENANT } from "./acts-setup.js";
import { expectAnchorsAgree, expectProjectionsAgree, expectRefsAgree, filterEntriesAbout, readTenantLedger } from "./agreement.js";
import { DyingLab256, waitUntilDead } from "./dying.js";
import * as acts from "./lab256-acts.js";
import { issueOverduePermits, type OverduePermits } from "./overdue-permits.js";

type Activity = keyof Lab256Activities;

/** Much longer than all kills take. */
const KILLS_MS = 300_000;

/** Every local activity with the paths that run it. The suite takes the first of each, which are all paths. */
const PASSING: readonly (readonly [Activity, ...acts.Act[]])[] = [
  ["openCard", acts.opening],
  ["decidePlan", acts.opening],
  ["admitStatement", acts.rejected, acts.registering],
  ["admitAttestation", acts.attested],
  ["voidApprovals", acts.voided],
  ["checkPlan", acts.outdated],
  ["issuePermit", acts.registering],
  ["acceptCommand", acts.refused, acts.pushing],
  ["permitClaim", acts.revoked],
  ["endPermit", acts.expired, acts.neverPulled],
  ["recordAnswer", acts.pushing, acts.refused],
  ["acceptReceipt", acts.pulled],
  ["closeCommand", acts.neverPulled],
  ["closeCard", acts.registering, acts.expired],
];

const HOUSEKEEPING = ["sweepPermits", "closeAbandonedCards", "headsToAnchor", "recordAnchored"] as const satisfies readonly Activity[];

/** A kill: the acts that are at a step when it happens, and the steps of housekeeping. */
interface Kill {
  readonly name: string;
  readonly meets: readonly (readonly [Lab256Step, acts.Act])[];
  readonly housekeeping: readonly Lab256Step[];
}

const buildKill = (moment: "before" | "after"): Kill => ({
  name: moment,
  meets: PASSING.flatMap(([activity, ...paths]) =>
    paths.slice(0, chooseExtent(1, paths.length)).map((act) => [`${moment} ${activity}` as const, act] as const),
  ),
  housekeeping: HOUSEKEEPING.map((activity) => `${moment} ${activity}` as const),
});

const KILLS: readonly Kill[] = [
  ...chooseExtent(["after"] as const, ["before", "after"] as const).map(buildKill),
  {
    name: "between",
    meets: [
      ["end stored", acts.expired],
      ["end recorded", acts.refused],
      ...chooseExtent<readonly (readonly [Lab256Step, acts.Act])[]>(
        [],
        [
          ["end stored", acts.neverPulled],
          ["end stored", acts.refused],
        ],
      ),
    ],
    housekeeping: ["end stored", "end recorded"],
  },
];

interface MetAct {
  readonly step: Lab256Step;
  readonly act: acts.Act;
  readonly begun: acts.BegunAct;
}

let setup: ActsSetup;
const met = new Map<string, MetAct>();
const swept: OverduePermits[] = [];
/** The work that drives each flow to its step and on, by workflow id. */
const drivenFlows = new Map<string, Promise<unknown>>();

const toName = (kill: Kill, n: number) => `${kill.name}-${n}`;
const isEarly = (act: acts.Act) => act === acts.opening;
const toSteps = (some: readonly MetAct[]) => Object.fromEntries(some.map(({ step, begun }) => [begun.workflow_id, step]));
const readActsLedger = (tenant = DEMO_TENANT) => readTenantLedger(setup.registry, tenant);

function recordDriven(flow: string, driven: Promise<unknown>): void {
  // The test of this flow awaits it. Until then a rejection must not count as unhandled.
  driven.catch(() => undefined);
  drivenFlows.set(flow, driven);
}

/** Begins a kill's acts that need no worker if `early`, or else those that need one. */
async function begin(kill: Kill, early: boolean): Promise<MetAct[]> {
  const wanted = kill.meets.map(([step, act], n) => ({ step, act, name: toName(kill, n) })).filter(({ act }) => isEarly(act) === early);
  return Promise.all(
    wanted.map(async ({ step, act, name }) => {
      const one = { step, act, begun: await act.begin(setup, name) };
      met.set(name, one);
      return one;
    }),
  );
}

/** Starts housekeeping that is killed at this step. If the step is after the sweep, another housekeeping must sweep first. */
async function startHousekeeping(step: Lab256Step, workflowId: string, { unused }: OverduePermits): Promise<void> {
  const isSwept = async () => filterEntriesAbout(await readActsLedger(), [unused[1]]).some(({ type }) => type === "permit.expired");
  if (step === "after headsToAnchor" || step === "after recordAnchored") await acts.waitUntil("the other housekeeping has swept", isSwept);
  await setup.temporal.workflow.start("housekeeping", { taskQueue: LAB_256_QUEUE, workflowId, args: [] });
}

async function killDuring(kill: Kill): Promise<void> {
  const { registry } = setup;
  await registry.lab256.stop();
  const early = await begin(kill, true);
  // Other housekeeping is parked, since it would settle the overdue permits before the housekeeping of this kill.
  const lab256 = new DyingLab256(registry, toSteps(early), "housekeeping");
  await lab256.start();
  const later = await begin(kill, false);
  const overdue = await issueOverduePermits(registry);
  swept.push(overdue);
  const housekeeping = kill.housekeeping.map((step) => ({ step, flow: `housekeeping-${step.replace(" ", "-")}` }));
  lab256.complete({ ...toSteps(later), ...Object.fromEntries(housekeeping.map(({ step, flow }) => [flow, step])) });
  for (const { begun } of [...early, ...later]) recordDriven(begun.workflow_id, begun.go());
  for (const { step, flow } of housekeeping) recordDriven(flow, startHousekeeping(step, flow, overdue));
  await waitUntilDead(registry, "lab256");
}

// Temporal gives a killed worker's flows to another worker after ten seconds, so no kill waits for the acts of the previous one, and each
// act survives its own kill and the later ones.
beforeAll(async () => {
  setup = await openActsSetup("killed-lab256");
  for (const kill of KILLS) await killDuring(kill);
  await setup.registry.lab256.start();
}, KILLS_MS);

afterAll(() => setup?.stop());

/** Waits for the end of a flow. Returns its result. */
async function waitForFlowEnd(flow: string): Promise<FlowState> {
  await drivenFlows.get(flow);
  return setup.temporal.workflow.getHandle(flow).result() as Promise<FlowState>;
}

/** Expects that ledger and store have the same receipt and the act's claim, or that the store has neither without a receipt. */
async function expectOneAnswer(tenant: string, jti: string | null, about: readonly LedgerEntry[]): Promise<void> {
  const recorded = about.find(({ type }) => type === "receipt.recorded")?.payload as EventPayloads["receipt.recorded"] | undefined;
  const { store } = setup.registry;
  const stored = jti === null ? undefined : await store.blobs.get(toReceiptKey(tenant, jti));
  expect(stored).toEqual(recorded === undefined ? undefined : toCanonicalBytes(recorded.receipt));
  const claim = jti === null ? undefined : await readClaim(store, tenant, jti);
  const end = jti === null ? undefined : await readPermitEnd(store, tenant, jti);
  expect({ isClaimed: claim !== undefined, isEnded: end !== undefined }).toEqual({
    isClaimed: recorded !== undefined,
    isEnded: jti !== null && recorded === undefined,
  });
}

describe.each(KILLS)("LAB 256, killed $name the steps of many acts,", (kill) => {
  it.each(kill.meets.map(([step, act], n) => ({ step, status: act.status, name: toName(kill, n) })))(
    "ends the act that it left $step once, with status $status",
    async ({ name }) => {
      const { act, begun } = met.get(name) as MetAct;
      const { status, denial, card_id, jti } = await waitForFlowEnd(begun.workflow_id);
      expect({ status, code: denial?.code ?? null }).toEqual({ status: act.status, code: act.code });
      const ids = [card_id, jti, `P.${name}`].filter((id) => id !== null);
      const about = filterEntriesAbout(await readActsLedger(act.tenant), ids);
      expect(about.map(({ type }) => type).sort()).toEqual([...act.events].sort());
      await expectOneAnswer(act.tenant, jti, about);
    },
  );
});

describe("LAB 256, killed repeatedly,", () => {
  it("leaves no running flow", async () => {
    await Promise.all([...drivenFlows.keys()].map(waitForFlowEnd));
    // Temporal lists a flow as running for a moment after its end.
    const running = async () => {
      const ids: string[] = [];
      const query = `ExecutionStatus = "Running" AND WorkflowType = "officialAct"`;
      for await (const { workflowId } of setup.temporal.workflow.list({ query })) ids.push(workflowId);
      return ids;
    };
    await expect.poll(running, { timeout: PATIENCE_MS }).toEqual([]);
  });

  it("ends each unused permit once and records each unrecorded act once", async () => {
    const entries = await readActsLedger();
    const listTypesAbout = (jti: string) =>
      filterEntriesAbout(entries, [jti])
        .map(({ type }) => type)
        .sort();
    expect(swept).toHaveLength(KILLS.length);
    for (const { unused, acted } of swept) {
      for (const jti of unused) expect(listTypesAbout(jti)).toEqual(["permit.expired", "permit.issued"]);
      expect(listTypesAbout(acted)).toEqual(["permit.issued", "receipt.recorded"]);
    }
  });

  it("has every anchored head in the ledger and in the store", () => expectAnchorsAgree(setup.registry, DEMO_TENANT));

  it("leaves valid ledgers, and projections and refs that agree with them", async () => {
    await expectSoundLedger(setup.registry);
    for (const tenant of [PULL_TENANT, IDLE_TENANT]) await expectProjectionsAgree(setup.registry, tenant);
    await expectRefsAgree(setup.registry, PROJECT);
    const pushes = KILLS.flatMap((kill) => kill.meets.flatMap(([, act], n) => (act === acts.pushing ? [toName(kill, n)] : [])));
    const refs = await readCatalogRefs(setup.registry, PROJECT);
    for (const name of pushes) expect(refs[`refs/heads/feature/${name}`]).toBe(setup.base);
  });
});
