import type { NewestCharter } from "../../decision/charter/newest-charter.js";
import { type ActMarks, pickMarks } from "../../domain/act/marks.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { type SigningKey, signObject } from "../../domain/bytes/signature.js";
import type { CharterVersions } from "../../domain/charter/versions.js";
import type { Denial } from "../../domain/denial.js";
import { parseJsonBytes } from "../../domain/json.js";
import { type CommandEnvelope, hashEnvelope } from "../../domain/permit/envelope.js";
import { type Receipt, type Refusal, receiptSchema, type UnsignedReceipt, type UnsignedRefusal } from "../../domain/permit/receipt.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { isServiceActor } from "../../domain/service-actor.js";
import { toReceiptKey, toRefusalKey, toRunnerLogKey } from "../../domain/storage-key.js";
import { type ObjectStore, StorageFault } from "../../storage/ports.js";
import { createBlob } from "../../storage/settled-write.js";
import type { Effects } from "../jobs/job.js";
import type { ActLog } from "./act-log.js";
import type { RunnerDependencies } from "./dependencies.js";

/** The result of an act before it is recorded. */
export type ActResult =
  | { readonly status: "success"; readonly effects: Effects }
  | { readonly status: "error" | "denied" | "expired"; readonly denial: Denial };

const NO_EFFECTS: Effects = { refs: [], previous_act: null, artifacts: [], commit: null, staged_bytes: 0, stored_bytes: 0 };

export interface AnswerContext extends ActMarks {
  readonly deps: RunnerDependencies;
  readonly store: ObjectStore;
  readonly envelope: CommandEnvelope;
  readonly log: ActLog;
  readonly startedAtMs: number;
  /** The revision of the infra registry that the act was checked against. */
  readonly infra_revision?: string | undefined;
}

/** The act's actor, as its receipt names it. */
export interface ActAuthor extends Pick<Receipt, "actor_id" | "person_id"> {
  readonly versions: CharterVersions;
}

/**
 * Reads the tenant's newest charter for {@link findAuthor}. Must be complete before the act moves a ref.
 *
 * @throws if the charter is not valid, or this Runner's key is not valid in it.
 */
export async function resolveAuthor({ charters, receiptKey }: RunnerDependencies, envelope: CommandEnvelope): Promise<ActAuthor> {
  const charter = await charters.readNewest(envelope.tenant_id);
  if (!charter.ok) throw new Error(`${charter.denial.message} Without its charter no act of ${envelope.tenant_id} gets a receipt.`);
  return findAuthor(charter.value, receiptKey, envelope);
}

/**
 * Finds the permit's actor in a charter. The receipt names a version in which its key is valid.
 *
 * @throws if this Runner's key is not valid in the charter.
 */
export function findAuthor(charter: NewestCharter, receiptKey: SigningKey, { tenant_id, permit }: CommandEnvelope): ActAuthor {
  const { actor_id } = permit.scopes;
  const { version, versions } = charter;
  if (charter.findKeyAt(receiptKey.kid, "receipt", versions) === undefined)
    throw new Error(
      `The receipt key ${receiptKey.kid} of this Runner is not valid in version ${version} of the charter of ${tenant_id}. Start it with a key that is.`,
    );
  // The registry's own services are in no charter, and no member can take their ids.
  const person_id = isServiceActor(actor_id) ? null : (charter.find("actor", actor_id)?.person_id ?? null);
  return { actor_id, person_id, versions };
}

/**
 * Writes the log, runs `beforeReceipt`, then writes the receipt while `onReceipt` runs. Must be called only by the holder of the claim.
 * Returns the receipt in the store, of which there is only one; `isOurs` tells whether it is the one that was passed to `onReceipt`.
 */
export async function writeReceipt(
  answering: AnswerContext,
  { versions, ...author }: ActAuthor,
  result: ActResult,
  beforeReceipt: () => Promise<void>,
  onReceipt: (receipt: Receipt) => Promise<void>,
): Promise<{ receipt: Receipt; isOurs: boolean }> {
  const { deps, store, envelope, infra_revision } = answering;
  const effects = result.status === "success" ? result.effects : NO_EFFECTS;
  const unsigned: UnsignedReceipt = {
    ...buildAnswerBase(answering, effects),
    status: result.status,
    refs: [...effects.refs],
    ...author,
    ...versions,
    previous_act: effects.previous_act,
    ...(infra_revision === undefined ? {} : { infra_revision }),
    ...pickMarks(answering),
    error: result.status === "success" ? "" : result.denial.message,
    ...(result.status === "success" ? {} : { code: result.denial.code }),
  };
  const receipt = signObject("receipt", unsigned, deps.receiptKey);
  const key = toReceiptKey(envelope.tenant_id, envelope.jti);
  await keepLog(answering, effects.commit);
  await beforeReceipt();
  const [created] = await Promise.all([createBlob(store, key, toCanonicalBytes(receipt)), onReceipt(receipt)]);
  if (created === "created") return { receipt, isOurs: true };
  const kept = await readReceipt(store, envelope.tenant_id, envelope.jti);
  if (kept === undefined) throw new StorageFault("unavailable", key, "The receipt was not written; try again.");
  return { receipt: kept, isOurs: false };
}

/** Signs a refusal and stores it under the envelope's digest, so that it cannot affect another envelope with the same permit. */
export async function writeRefusal(answering: AnswerContext, why: Denial): Promise<Refusal> {
  const { deps, store, envelope } = answering;
  const unsigned: UnsignedRefusal = {
    ...buildAnswerBase(answering, NO_EFFECTS),
    status: why.code === "permit_expired" ? "expired" : "denied",
    code: why.code,
    error: why.message,
  };
  const refusal = signObject("refusal", unsigned, deps.receiptKey);
  await keepLog(answering, null);
  // The first refusal of an envelope is kept.
  await createBlob(store, toRefusalKey(envelope.tenant_id, unsigned.envelope_digest), toCanonicalBytes(refusal));
  return refusal;
}

export async function readReceipt(store: ObjectStore, tenantId: string, jti: string): Promise<Receipt | undefined> {
  const bytes = await store.blobs.get(toReceiptKey(tenantId, jti));
  if (bytes === undefined) return undefined;
  const parsed = parseWith(receiptSchema, parseJsonBytes(bytes));
  if (!parsed.ok)
    throw new Error(`The receipt of ${jti} is malformed (${formatProblems(parsed.problems)}); restore the object from a backup.`);
  return parsed.value;
}

function buildAnswerBase({ deps, envelope, log, startedAtMs }: AnswerContext, effects: Effects) {
  const { tenant_id, jobId, jti, jobType, policy_hash, params } = envelope;
  const { hash } = log.seal();
  const finished_at = deps.now();
  return {
    tenant_id,
    jobId,
    jti,
    jobType,
    project_id: params.project_id,
    finished_at,
    logs_hash: hash,
    logs_key: toRunnerLogKey(tenant_id, params.project_id, effects.commit ?? "_", jti, hash),
    artifacts: effects.artifacts.map((artifact) => JSON.stringify(artifact)),
    usage: { wall_ms: Math.max(0, finished_at - startedAtMs), staged_bytes: effects.staged_bytes, stored_bytes: effects.stored_bytes },
    envelope_digest: hashEnvelope(envelope),
    policy_hash,
  };
}

/** Stores the log so far, once. */
export async function keepLog(
  { store, envelope, log }: Pick<AnswerContext, "store" | "envelope" | "log">,
  commit: string | null,
): Promise<void> {
  const { bytes, hash } = log.seal();
  const key = toRunnerLogKey(envelope.tenant_id, envelope.params.project_id, commit ?? "_", envelope.jti, hash);
  if (log.kept.has(key)) return;
  await createBlob(store, key, bytes);
  log.kept.add(key);
}
