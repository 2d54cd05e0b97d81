import { sql } from "kysely";

/** From where processes resume their walks along charters. */
const POINTS = sql`
create table charter_points (
  tenant_id text not null, kid text not null, point bytea not null,
  constraint charter_points_pkey primary key (tenant_id, kid)
)`;

/** Keeps processes from walking every charter from its founding key at each start. */
export const charterPointsMigration = [POINTS];
