import type { CHARTER_EVENTS } from "../../../domain/ledger/event.js";
import { type Effect, type EntryOf, insertOnce, type Projection, type Writer } from "./effect.js";

type CharterEvent = (typeof CHARTER_EVENTS)[keyof typeof CHARTER_EVENTS];

function insertVersion(write: Writer, { tenant_id, seq, at_ms, payload: { entry, entry_hash } }: EntryOf<CharterEvent>): Effect {
  const row = { tenant_id, seq, version: entry.version, entry_hash, recorded_at: at_ms };
  return insertOnce(write, "charter_versions", `charter_versions/${entry.version}`, row);
}

/** Which versions of the tenant's charter are recorded. */
export const charterVersionsProjection: Projection = {
  "charter.founded": insertVersion,
  "policy.published": insertVersion,
  "keys.rotated": insertVersion,
  "member.changed": insertVersion,
  "webhook.changed": insertVersion,
  "charter.sealed": insertVersion,
  "tenant.founded": insertVersion,
  "charter.act_ended": insertVersion,
  "recovery.announced": insertVersion,
};
