import { sql } from "kysely";
import type { Db } from "../../database/database.js";
import type { ClockReading } from "../clock-readings.js";

/** How many of each tenant's newest commands are read. */
const COMMANDS_MAX_COUNT = 50;

/** Few enough to show a corrected clock soon; more than one, because a long act gives wide bounds. */
const ANSWERS_MAX_COUNT = 5;

/**
 * Compares the Runners' clocks with LAB 256's, from the answers that they signed since `sinceMs`; a reading is named by the signing key.
 * A Runner listens on nothing and has no database, but it finishes after LAB 256 recorded the command and before it recorded the answer.
 * A Runner that is so far ahead that it refuses every permit as expired is measured by its refusals.
 */
export async function readRunnerClocks(db: Db, sinceMs: number): Promise<ClockReading[]> {
  const { rows } = await sql<ClockReading>`
    select 'LAB_512' as plane, kid as name, max(lower_ms) as lower_ms, min(upper_ms) as upper_ms, max(recorded_at) as measured_at
    from (
      select answer.kid, answer.finished_at - entry.at_ms as lower_ms, answer.finished_at - command.issued_at as upper_ms,
        entry.at_ms as recorded_at, row_number() over (partition by answer.kid order by entry.at_ms desc, entry.seq desc) as newest
      from ledger_heads head
      cross join lateral (
        select c.jti, c.issued_at from commands c where c.tenant_id = head.tenant_id order by c.seq desc limit ${COMMANDS_MAX_COUNT}
      ) command
      cross join lateral (
        select r.receipt->>'kid' as kid, r.finished_at, r.seq from receipts r where r.tenant_id = head.tenant_id and r.jti = command.jti
        union all
        select f.refusal->>'kid', f.finished_at, f.seq from refusals f where f.tenant_id = head.tenant_id and f.jti = command.jti
      ) answer
      join ledger_entries entry on entry.container = head.container and entry.seq = answer.seq
      where entry.at_ms >= ${sinceMs}
    ) answers
    where newest <= ${ANSWERS_MAX_COUNT}
    group by kid
    order by kid`.execute(db);
  return rows;
}
