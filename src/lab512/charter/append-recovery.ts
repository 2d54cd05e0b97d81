import { buildNextEntry } from "../../decision/charter/next-entry.js";
import { findWaiting } from "../../decision/charter/recovery.js";
import type { CharterWalk } from "../../decision/charter/walk.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import type { SigningKey } from "../../domain/bytes/signature.js";
import {
  type AppendedEntry,
  type CharterEntry,
  charterEntrySchema,
  hashEntry,
  signEntry,
  type UnsignedAuthority,
} from "../../domain/charter/entry.js";
import { findAnsweredRequest, type RecoveryRequest, recoveryRequestSchema } from "../../domain/charter/recovery-request.js";
import { pickOperatorVersion } from "../../domain/charter/versions.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { parseJsonBytes } from "../../domain/json.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { toCharterKey } from "../../domain/storage-key.js";
import { scopeToTenant } from "../../storage/scoped.js";
import { createBlob } from "../../storage/settled-write.js";
import type { CharterWriter } from "./append-entry.js";
import { storeBeforeEntry } from "./beside-entry.js";

/** How often an entry is built again because another one took the version. */
const TRIES_MAX = 50;

/** The dependencies of {@link appendRecovery}. */
export interface RecoveryWriter extends CharterWriter {
  readonly receiptKey: SigningKey;
  now(): number;
}

/**
 * Appends an announcement of recovery keys, or the change that one announced, with the time of this Runner's clock. Whoever asks, it is checked
 * in full against the walked charter, and the change must be possible now. A repeated request is a success until the charter's next entry about
 * recovery. Denials: those of the charter's rules, `charter_changed`.
 */
export async function appendRecovery(writer: RecoveryWriter, candidate: unknown): Promise<Outcome<AppendedEntry>> {
  const parsed = parseWith(recoveryRequestSchema, candidate);
  if (!parsed.ok) return denyWith("charter_invalid", `The request is malformed: ${formatProblems(parsed.problems)}`);
  const request = parsed.value;
  const { tenant_id } = request;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const found = await writer.charters.useNewest(
      tenant_id,
      async (walk): Promise<Outcome<AppendedEntry | CharterEntry>> =>
        (await findAppended(writer, walk, request)) ?? buildEntry(writer, walk, request),
    );
    if (!found.ok) return found;
    const { value } = found;
    if ("entry_hash" in value) return grantValue(value);
    const { version } = value;
    const own = scopeToTenant(writer.store, tenant_id);
    if ((await createBlob(own, toCharterKey(tenant_id, version), toCanonicalBytes(value))) === "created")
      return grantValue({ version, entry_hash: hashEntry(value) });
  }
  return denyWith("charter_changed", `${TRIES_MAX} other entries were appended first; send it again.`);
}

/** Returns the charter's newest entry about recovery if it answers the request. */
async function findAppended(
  { store }: RecoveryWriter,
  { tenantId, recovery }: CharterWalk,
  request: RecoveryRequest,
): Promise<Outcome<AppendedEntry> | undefined> {
  if (recovery === null) return undefined;
  const { version, entry_hash } = recovery;
  const bytes = await store.blobs.get(toCharterKey(tenantId, version));
  if (bytes === undefined) throw new Error(`Version ${version} of the charter of ${tenantId} is missing, although it was read before.`);
  const answered = findAnsweredRequest(charterEntrySchema.parse(parseJsonBytes(bytes)));
  const isSame = answered !== undefined && Buffer.from(toCanonicalBytes(answered)).equals(toCanonicalBytes(request));
  return isSame ? grantValue({ version, entry_hash }) : undefined;
}

/** Builds the entry that every reader of the charter accepts, and stores what it needs. The Runner's clock is read when all else is done. */
async function buildEntry(writer: RecoveryWriter, walk: CharterWalk, request: RecoveryRequest): Promise<Outcome<CharterEntry>> {
  const asked = request.kind === "announce" ? grantValue(request) : findWaiting(walk.recovery, request.announcement);
  if (!asked.ok) return asked;
  const { change } = asked.value;
  const next = await walk.planNext(change);
  if (!next.ok) return next;
  const unsigned =
    request.kind === "announce"
      ? buildNextEntry(walk, { jobType: "registry.recovery.announce", params: { change } }, [])
      : buildNextEntry(walk, change, next.value.writes);
  const signers = pickOperatorVersion(walk.newest.versions);
  const sign = () => signEntry(unsigned, writer.receiptKey, { ...toAuthority(request, writer.now()), ...signers });
  const checked = await walk.checkNext(toCanonicalBytes(sign()));
  if (!checked.ok) return checked;
  const kept = await storeBeforeEntry(writer, walk, change);
  return kept.ok ? grantValue(sign()) : kept;
}

function toAuthority(request: RecoveryRequest, seen_at_ms: number): UnsignedAuthority {
  if (request.kind === "complete") return { kind: "announcement", version: request.announcement, seen_at_ms };
  const { after, signatures } = request;
  return { kind: "recovery", after, signatures, seen_at_ms };
}
