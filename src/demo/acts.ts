import { rm } from "node:fs/promises";
import { join } from "node:path";
import { actDirectly } from "../client/acting.js";
import { registerPasskey } from "../client/deciding.js";
import { preparePush } from "../client/git/pushing.js";
import { requireValue } from "../client/http/problem.js";
import type { RegistryClient } from "../client/http/registry-client.js";
import type { Receipt } from "../domain/permit/receipt.js";
import type { DemoBranch, DemoHistory } from "./history.js";
import type { DemoReport } from "./report.js";
import { ACT_MS, type Approver, approveCard, openPlannedCard, toCardStep, toDirectStep } from "./steps.js";

export const DEMO_PROJECT = "P.demo";
export const DEMO_TAG = "v1.2.0";

const OFFICE = "office::default";

/** The actors of the demo, and the destination of its reports and receipts. */
export interface Stage {
  readonly author: RegistryClient;
  readonly approver: Approver;
  readonly report: DemoReport;
  readonly receipts: Receipt[];
  /** For bundles; every file is removed after its push. */
  readonly workFolder: string;
}

/** Registers the project: L3, a card with one approval. */
export async function registerProject({ author, approver, report, receipts }: Stage): Promise<void> {
  const params = { project_id: DEMO_PROJECT, name: "Demo", owners: [author.actor_id], visibility: "internal" };
  const card = await openPlannedCard(author, {
    office_id: OFFICE,
    intent: "Register the demo project",
    jobType: "git.registry.init",
    params,
    target: "LAB_512",
  });
  const done = await approveCard(card, approver);
  receipts.push(done.receipt);
  report.step(toCardStep("register", `${DEMO_PROJECT} is registered in ${author.tenant_id}`, done));
}

/** Pushes every branch: the first one as a card with an approval (its risk raised to L3), the others directly by permit. */
export async function pushHistory(stage: Stage, history: DemoHistory): Promise<void> {
  const [first, ...others] = history.branches;
  if (history.earlier !== undefined) await pushByPermit(stage, history, history.earlier);
  if (first !== undefined) await pushByCard(stage, history, first);
  for (const branch of others) await pushByPermit(stage, history, branch);
}

async function pushByCard(stage: Stage, history: DemoHistory, branch: DemoBranch): Promise<void> {
  const { author, approver, report, receipts } = stage;
  await withPush(stage, history, branch, async ({ params, patch, bundle }) => {
    const sent = patch === undefined ? params : { ...params, patch };
    const intent = `Push the branch ${branch.source}`;
    const card = await openPlannedCard(author, {
      office_id: OFFICE,
      intent,
      jobType: "git.registry.push",
      params: sent,
      target: "LAB_512",
      risk: "L3",
    });
    const done = await approveCard(card, approver);
    receipts.push(done.receipt);
    report.step({
      ...toCardStep("push", formatPush(branch, bundle), done),
      branch: branch.branch,
      commit: branch.tip,
      bundle_bytes: bundle.sizeBytes,
    });
  });
}

async function pushByPermit(stage: Stage, history: DemoHistory, branch: DemoBranch): Promise<void> {
  const { author, report, receipts } = stage;
  await withPush(stage, history, branch, async ({ params, patch, bundle }) => {
    const intent = `Push the branch ${branch.source}`;
    const done = requireValue(
      await actDirectly(author, {
        office_id: OFFICE,
        intent,
        jobType: "git.registry.push",
        params,
        patch,
        target: "LAB_512",
        timeoutMs: ACT_MS,
      }),
    );
    const step = toDirectStep("push", formatPush(branch, bundle), done);
    if (done.command.receipt) receipts.push(done.command.receipt);
    report.step({ ...step, branch: branch.branch, commit: branch.tip, bundle_bytes: bundle.sizeBytes });
  });
}

async function withPush(
  { author, workFolder }: Stage,
  { folder }: DemoHistory,
  { branch, ref }: DemoBranch,
  work: (push: Awaited<ReturnType<typeof preparePush>>) => Promise<void>,
): Promise<void> {
  const bundlePath = join(workFolder, "push.bundle");
  try {
    await work(await preparePush(author, { project_id: DEMO_PROJECT, branch, folder, ref, bundlePath }));
  } finally {
    await rm(bundlePath, { force: true });
  }
}

function formatPush({ source, branch, tip }: DemoBranch, bundle: { commits: number; sizeBytes: number }): string {
  const size =
    bundle.sizeBytes < 1024 * 1024 ? `${Math.ceil(bundle.sizeBytes / 1024)} KiB` : `${(bundle.sizeBytes / 1024 / 1024).toFixed(1)} MiB`;
  return `${source} is pushed to ${branch} at ${tip.slice(0, 12)}: ${bundle.commits} commit${bundle.commits === 1 ? "" : "s"} in a bundle of ${size}`;
}

/** Tags a release: L4, a card approved with a passkey that is registered for it. */
export async function tagRelease(stage: Stage, commit: string): Promise<void> {
  const { author, approver, report, receipts } = stage;
  await registerPasskey(approver.client, approver.passkeys, "demo");
  const params = { project_id: DEMO_PROJECT, tag: DEMO_TAG, commit, notes: `# ${DEMO_TAG}\n\nThe release of the demo.\n` };
  const card = await openPlannedCard(author, {
    office_id: OFFICE,
    intent: `Release ${DEMO_TAG}`,
    jobType: "git.registry.tag_release",
    params,
    target: "LAB_512",
  });
  const done = await approveCard(card, approver);
  receipts.push(done.receipt);
  const step = toCardStep("release", `${DEMO_TAG} is tagged at ${commit.slice(0, 12)}`, done);
  report.step({ ...step, decision: `${step.decision} with a passkey (step-up)`, tag: DEMO_TAG, commit });
}
