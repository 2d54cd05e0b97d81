import { buildChangePlan } from "../../decision/charter/act-authority.js";
import type { EntryAct } from "../../decision/charter/judge-entry.js";
import { buildNextEntry } from "../../decision/charter/next-entry.js";
import type { CharterWalk } from "../../decision/charter/walk.js";
import { type Job, toCharterChange } from "../../domain/act/job.js";
import { hashPlan } from "../../domain/act/plan.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { authoritySchema } from "../../domain/card/authority.js";
import type { CharterChange, CharterJobType } from "../../domain/charter/change.js";
import { type CharterEntry, signEntry } from "../../domain/charter/entry.js";
import { pickOperatorVersion } from "../../domain/charter/versions.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { toCharterKey } from "../../domain/storage-key.js";
import { createBlob } from "../../storage/settled-write.js";
import type { Effects, JobContext } from "../jobs/job.js";
import type { Act } from "../runner/act.js";
import { storeAfterEntry, storeBeforeEntry } from "./beside-entry.js";

/** How often an act builds its entry again because another one took the version. */
const TRIES_MAX = 50;

/** Whether an act changed the charter, was recorded as ended, or neither. */
type ActState = (EntryAct & { readonly version: number }) | null;

/**
 * Carries out an act that changes the tenant's charter: appends the entry whose authority is the act itself. Its one visible effect is the
 * creation of that entry, which every reader finds by the act's id. Denials: `plan_changed`, `charter_changed`, those of the charter's rules.
 */
export async function changeCharter(act: Act, job: Job<CharterJobType>, context: JobContext): Promise<Outcome<Effects>> {
  const { tenant_id } = act.envelope;
  const change = toCharterChange(job);
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const known = await findAct(act);
    if (!known.ok) return known;
    if (known.value?.hasHappened === false) return denyWith("permit_used", `Version ${known.value.version} records that the act ended.`);
    if (known.value !== null) return completeChange(act, change, known.value.version);
    await context.completeStep("looked");
    const prepared = await act.deps.charters.useNewest(tenant_id, (walk) => prepareEntry(act, job, change, walk));
    if (!prepared.ok) return prepared;
    await context.completeStep("checked");
    const kept = await act.deps.charters.useNewest(tenant_id, (walk) => storeBeforeEntry(act.deps, walk, change));
    if (!kept.ok) return kept;
    await context.completeStep("stored");
    const { version } = prepared.value;
    context.log(`appends version ${version} of the charter`);
    if ((await createBlob(act.store, toCharterKey(tenant_id, version), toCanonicalBytes(prepared.value))) === "exists") continue;
    await context.completeStep("moved");
    return completeChange(act, change, version);
  }
  return denyWith("charter_changed", `${TRIES_MAX} other entries were appended first; open a new card.`);
}

/** Completes what derives from the appended entry. */
async function completeChange({ deps, envelope: { tenant_id } }: Act, change: CharterChange, version: number): Promise<Outcome<Effects>> {
  await storeAfterEntry(deps, tenant_id, change);
  return grantValue(describeEffects(tenant_id, version));
}

/**
 * Records in the charter that an act has ended, so that no late write of an earlier attempt can carry it out. Returns false if the act has
 * happened.
 */
export async function recordEndedChange(act: Act): Promise<boolean> {
  const { tenant_id, jti } = act.envelope;
  for (;;) {
    const known = await findAct(act);
    if (!known.ok) throw new Error(known.denial.message);
    if (known.value !== null) return !known.value.hasHappened;
    const end = await act.deps.charters.useNewest(tenant_id, async (walk): Promise<Outcome<CharterEntry>> => {
      const unsigned = buildNextEntry(walk, { jobType: "registry.charter.end_act", params: { jti } }, []);
      const entry = signEntry(unsigned, act.deps.receiptKey, { kind: "receipt", ...pickOperatorVersion(walk.newest.versions) });
      // This Runner's key may have been revoked since it claimed the act, and nobody could read the charter after such an entry.
      const checked = await walk.checkNext(toCanonicalBytes(entry));
      return checked.ok ? grantValue(entry) : checked;
    });
    if (!end.ok) throw new Error(end.denial.message);
    if ((await createBlob(act.store, toCharterKey(tenant_id, end.value.version), toCanonicalBytes(end.value))) === "created") return true;
  }
}

function findAct({ deps, envelope: { tenant_id, jti } }: Act): Promise<Outcome<ActState>> {
  return deps.charters.useNewest(tenant_id, async (walk) => grantValue(walk.findAct(jti) ?? null));
}

/** Plans the act again on the newest charter and builds its entry. The entry must be one that every reader of the charter accepts. */
async function prepareEntry(act: Act, job: Job<CharterJobType>, change: CharterChange, walk: CharterWalk): Promise<Outcome<CharterEntry>> {
  const { tenant_id, target, permit } = act.envelope;
  const next = await walk.planNext(change);
  if (!next.ok) return next;
  const { planned, writes } = next.value;
  const plan_digest = hashPlan(buildChangePlan({ tenant_id, target, job }, walk.newest.policy_hash, planned));
  if (plan_digest !== permit.scopes.plan_digest)
    return denyWith("plan_changed", `The approved plan is ${permit.scopes.plan_digest}, but the current plan is ${plan_digest}.`);
  const parsed = parseWith(authoritySchema, act.authority);
  if (!parsed.ok) return denyWith("envelope_invalid", `What the act rests on is malformed: ${formatProblems(parsed.problems)}`);
  const { card, attestations } = parsed.value;
  const statements = [...act.statements];
  const entry: CharterEntry = {
    ...buildNextEntry(walk, change, writes),
    authority: { kind: "act", used_at_ms: permit.iat, ...pickOperatorVersion(walk.newest.versions), card, statements, attestations },
  };
  const checked = await walk.checkNext(toCanonicalBytes(entry));
  return checked.ok ? grantValue(entry) : checked;
}

function describeEffects(tenantId: string, version: number): Effects {
  const artifact = { kind: "charter", key: toCharterKey(tenantId, version), version };
  return { refs: [], previous_act: null, artifacts: [artifact], commit: null, staged_bytes: 0, stored_bytes: 0 };
}
