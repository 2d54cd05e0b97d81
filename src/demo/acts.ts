import { rm } from "node:fs/promises";
import { join } from "node:path";
import { actDirectly } from "../client/acting.js";
import { registerPasskey } from "../client/deciding.js";
import { type PreparedPush, preparePush } from "../client/git/pushing.js";
import { requireValue } from "../client/http/problem.js";
import type { CardAsk, RegistryClient } from "../client/http/registry-client.js";
import type { Passkey } from "../domain/charter/records.js";
import type { Receipt } from "../domain/permit/receipt.js";
import type { DemoBranch, DemoHistory } from "./history.js";
import type { DemoReport, DemoStep } from "./report.js";
import { ACT_MS, type Approver, approveCard, type CompletedCard, openPlannedCard, toCardStep, toDirectStep } from "./steps.js";

export const DEMO_PROJECT = "P.demo";
export const DEMO_TAG = "v1.2.0";

const WHERE = { office_id: "office::default", target: "LAB_512" };

/** The actors of the demo, and the destination of its reports and receipts. */
export interface Stage {
  readonly author: RegistryClient;
  readonly approver: Approver;
  readonly report: DemoReport;
  readonly receipts: Receipt[];
  /** For bundles; every file is removed after its push. */
  readonly workFolder: string;
  /** Enters the approver's passkey in the charter. */
  countPasskey(passkey: Passkey): Promise<void>;
}

/** Registers the project: L3, a card with one approval. */
export async function registerProject(stage: Stage): Promise<void> {
  const { author, report } = stage;
  const params = { project_id: DEMO_PROJECT, name: "Demo", owners: [author.actor_id], visibility: "internal" };
  const done = await runCard(stage, { intent: "Register the demo project", jobType: "git.registry.init", params });
  report.step(toCardStep("register", `${DEMO_PROJECT} is registered in ${author.tenant_id}`, done));
}

/** Pushes every branch: the first one as a card with an approval (its risk raised to L3), the others directly by permit. */
export async function pushHistory(stage: Stage, history: DemoHistory): Promise<void> {
  const [first, ...others] = history.branches;
  if (history.earlier !== undefined) await pushBranch(stage, history, history.earlier, pushByPermit);
  if (first !== undefined) await pushBranch(stage, history, first, pushByCard);
  for (const branch of others) await pushBranch(stage, history, branch, pushByPermit);
}

async function pushBranch(
  stage: Stage,
  { folder }: DemoHistory,
  { source, branch, ref, tip }: DemoBranch,
  push: typeof pushByCard,
): Promise<void> {
  const bundlePath = join(stage.workFolder, "push.bundle");
  try {
    const prepared = await preparePush(stage.author, { project_id: DEMO_PROJECT, branch, folder, ref, bundlePath });
    const { commits, sizeBytes } = prepared.bundle;
    const bundle = `${commits} commit${commits === 1 ? "" : "s"} in a bundle of ${formatBundleSize(sizeBytes)}`;
    const text = `${source} is pushed to ${branch} at ${tip.slice(0, 12)}: ${bundle}`;
    const step = await push(stage, prepared, `Push the branch ${source}`, text);
    stage.report.step({ ...step, branch, commit: tip, bundle_bytes: sizeBytes });
  } finally {
    await rm(bundlePath, { force: true });
  }
}

async function pushByCard(stage: Stage, { params, patch }: PreparedPush, intent: string, text: string): Promise<DemoStep> {
  const sent = patch === undefined ? params : { ...params, patch };
  return toCardStep("push", text, await runCard(stage, { intent, jobType: "git.registry.push", params: sent, risk: "L3" }));
}

async function pushByPermit({ author, receipts }: Stage, { params, patch }: PreparedPush, intent: string, text: string): Promise<DemoStep> {
  const act = { ...WHERE, intent, jobType: "git.registry.push", params, patch, timeoutMs: ACT_MS };
  const done = requireValue(await actDirectly(author, act));
  if (done.command.receipt) receipts.push(done.command.receipt);
  return toDirectStep("push", text, done);
}

function formatBundleSize(sizeBytes: number): string {
  const mib = sizeBytes / 1024 / 1024;
  return mib < 1 ? `${Math.ceil(sizeBytes / 1024)} KiB` : `${mib.toFixed(1)} MiB`;
}

/** Tags a release: L4, a card approved with a passkey that is registered for it. */
export async function tagRelease(stage: Stage, commit: string): Promise<void> {
  const { approver, report } = stage;
  const { record } = await registerPasskey(approver.client, approver.passkeys, "demo");
  await stage.countPasskey(record);
  const params = { project_id: DEMO_PROJECT, tag: DEMO_TAG, commit, notes: `# ${DEMO_TAG}\n\nThe release of the demo.\n` };
  const done = await runCard(stage, { intent: `Release ${DEMO_TAG}`, jobType: "git.registry.tag_release", params });
  const step = toCardStep("release", `${DEMO_TAG} is tagged at ${commit.slice(0, 12)}`, done);
  report.step({ ...step, decision: `${step.decision} with a passkey (step-up)`, tag: DEMO_TAG, commit });
}

/** Opens a card, approves it, and keeps its receipt. */
async function runCard({ author, approver, receipts }: Stage, act: Omit<CardAsk, keyof typeof WHERE>): Promise<CompletedCard> {
  const done = await approveCard(await openPlannedCard(author, { ...WHERE, ...act }), approver);
  receipts.push(done.receipt);
  return done;
}
