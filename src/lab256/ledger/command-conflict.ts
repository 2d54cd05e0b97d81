import type { EventPayloads, NewEvent } from "../../domain/ledger/event.js";

/** Identifies a command. Both members must be new to the tenant. */
export interface CommandIdentity {
  readonly jti: string;
  readonly job_id: string;
  readonly workflow_id: string;
}

/** An earlier command of the tenant with the `jti` or the `jobId` of one that was to be issued. */
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
    const sameJob = earlier.find(({ job_id }) => job_id === command.job_id);
    if (sameJob !== undefined) return { column: "job_id", ...sameJob };
  }
  return undefined;
}

function toCommandIdentity({ envelope, workflow_id }: EventPayloads["command.issued"]): CommandIdentity {
  return { jti: envelope.jti, job_id: envelope.jobId, workflow_id };
}
