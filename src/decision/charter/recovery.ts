import { hashCanonical } from "../../domain/bytes/canonical.js";
import type { Blake3Hex } from "../../domain/bytes/hash.js";
import type { PublicJwk } from "../../domain/bytes/signature.js";
import { findMissingSignatures } from "../../domain/charter/announcement.js";
import type { AnnouncedChange } from "../../domain/charter/change.js";
import { type CharterEntry, type CompletingEntryAuthority, hashEntry, type RecoveryEntryAuthority } from "../../domain/charter/entry.js";
import type { RecordWrite } from "../../domain/charter/records.js";
import type { CharterState } from "../../domain/charter/state.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";

/** A change that recovery keys announced in `version` and that nobody has objected to. */
export interface WaitingChange {
  readonly version: number;
  readonly change: AnnouncedChange;
  readonly announced_at_ms: number;
  readonly completable_at_ms: number;
}

/** A charter's newest entry about recovery: it set the keys, announced a change or made it. */
export interface RecoveryPoint {
  readonly version: number;
  readonly entry_hash: Blake3Hex;
  readonly waiting: WaitingChange | null;
}

/** A charter of which recovery keys ask something. */
interface RecoverableCharter {
  readonly state: Pick<CharterState, "find">;
  readonly recovery: RecoveryPoint | null;
}

/**
 * Returns the newest entry about recovery after an entry with these writes, whose authority holds. One that sets the recovery keys ends what
 * waits, so that L5's quorum objects by it; another announcement replaces what waits.
 */
export function advanceRecovery(
  { state, recovery }: RecoverableCharter,
  entry: CharterEntry,
  writes: readonly RecordWrite[],
): RecoveryPoint | null {
  const { version, authority, change } = entry;
  const point = { version, entry_hash: hashEntry(entry) };
  if (change.jobType === "registry.recovery.announce" && authority.kind === "recovery") {
    const announced_at_ms = authority.seen_at_ms;
    const completable_at_ms = announced_at_ms + (state.find("recovery")?.delay_ms ?? 0);
    return { ...point, waiting: { version, change: change.params.change, announced_at_ms, completable_at_ms } };
  }
  if (authority.kind === "announcement" || writes.some(({ kind }) => kind === "recovery")) return { ...point, waiting: null };
  return recovery;
}

/** Checks that enough recovery keys announced the change, after the newest entry about recovery. Denial: `charter_invalid`. */
export function judgeAnnouncement(
  { state, recovery }: RecoverableCharter,
  { tenant_id, change }: Pick<CharterEntry, "tenant_id" | "change">,
  { after, signatures }: RecoveryEntryAuthority,
): Outcome<null> {
  if (change.jobType !== "registry.recovery.announce") return denyEntry("recovery keys only announce a change.");
  const keys = state.find("recovery") ?? null;
  if (keys === null || recovery === null) return denyEntry("the charter has no recovery keys.");
  if (after !== recovery.entry_hash)
    return denyEntry(`it was signed after another entry than version ${recovery.version}, the newest one about recovery; sign it again.`);
  const missing = findMissingSignatures({ tenant_id, after, change: change.params.change, signatures }, keys);
  return missing === undefined ? grantValue(null) : denyEntry(missing);
}

/** Checks that the change waits and that its delay has passed. Denial: `charter_invalid`. */
export function judgeCompletion(
  { recovery }: Pick<RecoverableCharter, "recovery">,
  { change }: Pick<CharterEntry, "change">,
  { version, seen_at_ms }: CompletingEntryAuthority,
): Outcome<null> {
  const waiting = findWaiting(recovery, version);
  if (!waiting.ok) return waiting;
  if (hashCanonical(change) !== hashCanonical(waiting.value.change)) return denyEntry(`version ${version} announced another change.`);
  const { completable_at_ms } = waiting.value;
  if (seen_at_ms >= completable_at_ms) return grantValue(null);
  return denyEntry(`the change that version ${version} announced waits until ${new Date(completable_at_ms).toISOString()}.`);
}

/** Finds the change that `version` announced. Denial: `charter_invalid` if it does not wait. */
export function findWaiting(recovery: RecoveryPoint | null, version: number): Outcome<WaitingChange> {
  const waiting = recovery?.waiting ?? null;
  return waiting?.version === version ? grantValue(waiting) : denyEntry(`no change waits that version ${version} announced.`);
}

/** The founding key has no power after the seal, so it is no recovery key. Denial: `charter_invalid`. */
export function checkNoFoundingKey({ x }: PublicJwk, writes: readonly RecordWrite[]): Outcome<never> | undefined {
  const isRecoveryKey = writes.some(({ kind, value }) => kind === "recovery" && value?.jwks.some((jwk) => jwk.x === x) === true);
  return isRecoveryKey ? denyEntry("The founding key cannot be a recovery key.") : undefined;
}

function denyEntry(why: string): Outcome<never> {
  return denyWith("charter_invalid", why);
}
