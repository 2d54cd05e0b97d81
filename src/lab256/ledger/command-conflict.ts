import type { EventPayloads, NewEvent } from "../../domain/ledger/event.js";

/** Identifies a command, or, without a `jti`, an open card, which reserves its `jobId` for its own command. Both ids must be new to the tenant. */
export interface CommandIdentity {
  readonly jti: string | null;
  readonly job_id: string;
  readonly card_id: string | null;
}

/** An earlier command of the tenant with the `jti` or the `jobId` of one that was to be issued, or an open card with the `jobId`. */
export interface CommandConflict extends CommandIdentity {
  readonly column: "jti" | "job_id";
}

/** Returns the identities of the commands that `events` issue. */
export function toCommandIdentities(events: readonly NewEvent[]): CommandIdentity[] {
  return events.flatMap((event) => (event.type === "command.issued" ? [toCommandIdentity(event.payload)] : []));
}

/**
 * Finds the first of `events` that issues a command whose `jti` or `jobId` is already used, by one of `taken` or by an earlier one of
 * `events`. `taken` is read under the container's lock, under which alone commands are written, so the result holds until the transaction
 * ends. Unique keys in the database enforce the same.
 */
export function findCommandConflict(events: readonly NewEvent[], taken: readonly CommandIdentity[]): CommandConflict | undefined {
  const issued = toCommandIdentities(events);
  for (const [n, command] of issued.entries()) {
    const earlier = [...taken, ...issued.slice(0, n)];
    const sameAct = earlier.find(({ jti }) => jti === command.jti);
    if (sameAct !== undefined) return { column: "jti", ...sameAct };
    const sameJob = earlier.find(({ jti, job_id, card_id }) => job_id === command.job_id && (jti !== null || card_id !== command.card_id));
    if (sameJob !== undefined) return { column: "job_id", ...sameJob };
  }
  return undefined;
}

function toCommandIdentity({ envelope }: EventPayloads["command.issued"]): CommandIdentity {
  return { jti: envelope.jti, job_id: envelope.jobId, card_id: envelope.permit.scopes.approval_ref ?? null };
}
