import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { PermitEnd } from "../../domain/permit/permit-end.js";
import { toPermitEndKey } from "../../domain/storage-key.js";
import { readClaim, readPermitEnd } from "../../storage/claims.js";
import { type ObjectStore, StorageFault } from "../../storage/ports.js";
import { createBlob } from "../../storage/settled-write.js";
import type { DbPool } from "../database/database.js";
import { appendEvents } from "../ledger/append.js";

export interface PermitEnding {
  readonly tenant_id: string;
  readonly jti: string;
  readonly card_id: string | null;
  readonly end: PermitEnd["end"];
  readonly reason: string;
  /** The actor who ended it, or `LAB_256` for the registry itself. */
  readonly by: string;
}

/** The two writes that end a permit: the object, then the event. */
export type EndingStep = "end stored" | "end recorded";

export interface EndingDependencies {
  readonly db: DbPool;
  /** Reads everything and creates ends of permits. */
  readonly store: ObjectStore;
  now(): number;
  onStep?(step: EndingStep): void | Promise<void>;
}

/**
 * Ends an unclaimed permit: stores its end, then reads the claim. Without a claim it has ended, since a Runner that claims it later finds the
 * end. Returns `acted` if a Runner has claimed it: its receipt then says whether the act happened. Ending it again changes nothing.
 * Source: contracts "Then the claim".
 */
export async function endPermit(deps: EndingDependencies, ending: PermitEnding): Promise<"ended" | "acted"> {
  const { tenant_id, jti, end, reason, by } = ending;
  // A claimed act is left to its Runner: an end would stop a retry of it.
  if ((await readClaim(deps.store, tenant_id, jti)) !== undefined) return "acted";
  const stored = await storeEnd(deps, { tenant_id, jti, end, reason, ended_at: deps.now() });
  await deps.onStep?.("end stored");
  if ((await readClaim(deps.store, tenant_id, jti)) !== undefined) return "acted";
  const event = buildEndEvent({ ...ending, end: stored.end, reason: stored.reason, by });
  await appendEvents(deps.db, tenant_id, [event], stored.ended_at);
  await deps.onStep?.("end recorded");
  return "ended";
}

/** Returns the stored end: the given one, or an earlier one. */
async function storeEnd(deps: EndingDependencies, end: PermitEnd): Promise<PermitEnd> {
  const key = toPermitEndKey(end.tenant_id, end.jti);
  if ((await createBlob(deps.store, key, toCanonicalBytes(end))) === "created") return end;
  const found = await readPermitEnd(deps.store, end.tenant_id, end.jti);
  if (found === undefined)
    throw new StorageFault("unavailable", key, "The end of the permit could be neither created nor read; try again.");
  return found;
}

function buildEndEvent({ jti, card_id, end, reason, by }: PermitEnding): NewEvent {
  const payload = { jti, card_id, reason, by };
  const key = `permit.end/${jti}`;
  if (end === "revoked") return { type: "permit.revoked", key, payload };
  if (end === "expired") return { type: "permit.expired", key, payload };
  return { type: "permit.refused", key, payload };
}
