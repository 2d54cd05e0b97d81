import { findPushers, type Pushers } from "../../decision/pushers.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { signObject } from "../../domain/bytes/signature.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { toPushReceipt } from "../../domain/git/push-receipt.js";
import { endsSummary } from "../../domain/git/push-summary.js";
import { toActRef } from "../../domain/git/ref-name.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { toPushSummaryKey } from "../../domain/storage-key.js";
import { findLastAct } from "../../repository/refs/act-records.js";
import { readRefs } from "../../repository/refs/refs-state.js";
import type { Repositories } from "../../repository/repositories.js";
import type { RepositoryName } from "../../repository/repository-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { createBlob } from "../../storage/settled-write.js";
import type { RunnerDependencies } from "../runner/dependencies.js";
import { type ChainLink, type ProjectChain, ProjectChains, type SummaryContent } from "./chain.js";
import { VerifiedLinks } from "./verified-links.js";

type PushersDependencies = Pick<RunnerDependencies, "charters" | "receiptKey" | "getRepositories">;

/** How long a decision waits for the receipts of acts that have moved refs. */
const WAIT_MAX_MS = 3_000;

/** The maximum number of receipts and summaries that one walk reads: a project of about a million acts. */
const LINKS_MAX = 20_000;

/** The verified chains of each Runner and tenant. They only save requests. */
const chainsOf = new WeakMap<Repositories, ProjectChains>();

/**
 * Establishes who pushed `commits` from the signed receipts of the project alone: from the act that the refs name last, back to the
 * registration, without a gap. `store` is the tenant's view. Denials: `project_unknown`, and `pushers_unknown` if a receipt is missing, is
 * not written yet, or cannot be verified: nobody can then be shown not to have pushed. Source: contracts "Decided twice".
 */
export async function readPushers(
  deps: PushersDependencies,
  store: ObjectStore,
  name: RepositoryName,
  commits: readonly string[] | null,
): Promise<Outcome<Pushers>> {
  if (commits !== null && commits.length === 0) return grantValue(findPushers([], commits));
  const chains = await openChains(deps, name);
  const chain = chains.findOrCreate(name.project_id);
  return chain.run(async () => {
    const state = await readRefs(store, name);
    if (state === undefined) return denyWith("project_unknown", `${name.project_id} has no repository; register the project first.`);
    const last = findLastAct(state.refs);
    if (last === null) return denyWith("pushers_unknown", `It is unknown who pushed to ${name.project_id}: its refs name no last act.`);
    const pending = { isRunning: (jti: string) => state.refs.has(toActRef(jti)), waitUntilMs: performance.now() + WAIT_MAX_MS };
    const read = await extendChain(deps, store, name, { chain, last, links: new VerifiedLinks(deps, store, name, pending) });
    if (!read.ok) return read;
    const pushers = findPushers(chain.pushes, commits);
    chains.evict();
    return grantValue(pushers);
  });
}

/**
 * Adds an act that this Runner has just receipted to the project's chain, if this process knows the chain, and writes the summary if one
 * ends with the act. Never fails, and waits for no other work on the chain: a later decision reads what this leaves out.
 */
export async function followAct(deps: PushersDependencies, store: ObjectStore, receipt: Receipt): Promise<void> {
  const { tenant_id, project_id, jti, previous_act: previous, status } = receipt;
  const chains = await openChains(deps, receipt);
  const chain = endsSummary(jti) ? chains.findOrCreate(project_id) : chains.find(project_id);
  if (chain === undefined || chain.isBusy || status !== "success") return;
  if (endsSummary(jti)) {
    await chain.run(() => summarizeUpTo(deps, store, { tenant_id, project_id }, chain, jti));
    chains.evict();
  } else if (previous !== null && previous === chain.last) {
    const push = toPushReceipt(receipt);
    chain.append({ jti, previous, pushes: push === undefined ? [] : [push], isSummary: false });
  }
}

async function summarizeUpTo(
  deps: PushersDependencies,
  store: ObjectStore,
  name: RepositoryName,
  chain: ProjectChain,
  jti: string,
): Promise<void> {
  try {
    if ((await store.blobs.stat(toPushSummaryKey(name.tenant_id, name.project_id, jti))) !== undefined) return;
    const links = new VerifiedLinks(deps, store, name, { isRunning: () => false, waitUntilMs: 0 });
    await extendChain(deps, store, name, { chain, last: jti, links });
  } catch {
    // The act has its receipt, and the summary only saves requests.
  }
}

/** Reads the acts from `last` back to those that the chain has, appends them, and writes the summaries that are missing. */
async function extendChain(
  deps: PushersDependencies,
  store: ObjectStore,
  name: RepositoryName,
  { chain, last, links }: { readonly chain: ProjectChain; readonly last: string; readonly links: VerifiedLinks },
): Promise<Outcome<null>> {
  const found: ChainLink[] = [];
  let next: string | null = last;
  while (next !== null && next !== chain.last) {
    if (found.length === LINKS_MAX)
      return denyWith("pushers_unknown", `It is unknown who pushed to ${name.project_id}: it has more acts than one decision can read.`);
    const link: Outcome<ChainLink> = await links.read(next);
    if (!link.ok) return link;
    found.push(link.value);
    next = link.value.previous;
  }
  if (next === null) chain.clear();
  const missing = found.reverse().flatMap((link) => chain.append(link) ?? []);
  for (const content of missing) await writeSummary(deps, store, name, content);
  return grantValue(null);
}

/** A summary is created once, so it is written only if others can verify it. */
async function writeSummary(
  { charters, receiptKey }: PushersDependencies,
  store: ObjectStore,
  { tenant_id, project_id }: RepositoryName,
  content: SummaryContent,
): Promise<void> {
  const charter = await charters.readNewest(tenant_id);
  if (!charter.ok || charter.value.findKeyAt(receiptKey.kid, "receipt", charter.value.versions) === undefined) return;
  const summary = signObject("pushes", { tenant_id, project_id, ...content, ...charter.value.versions }, receiptKey);
  await createBlob(store, toPushSummaryKey(tenant_id, project_id, content.jti), toCanonicalBytes(summary));
}

async function openChains({ getRepositories }: PushersDependencies, { tenant_id }: RepositoryName): Promise<ProjectChains> {
  const repositories = await getRepositories(tenant_id);
  const known = chainsOf.get(repositories) ?? new ProjectChains();
  chainsOf.set(repositories, known);
  return known;
}
