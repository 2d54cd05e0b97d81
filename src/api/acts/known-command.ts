import { jsonArrayFrom } from "kysely/helpers/postgres";
import type { Db } from "../../lab256/database/database.js";
import type { PermitStatus } from "../../lab256/database/tables/projections.js";

/** The ledger's facts about a command before it is issued: uses of its `jti` and `jobId`, and the status of its permit. */
export interface KnownCommand {
  readonly sameAct: { readonly job_id: string } | undefined;
  readonly isJobIdTaken: boolean;
  readonly permitStatus: PermitStatus | undefined;
  readonly endReason: string | null;
}

/** Uses one query, because every command pays for it. */
export async function readKnownCommand(db: Db, query: { tenant_id: string; jti: string; job_id: string }): Promise<KnownCommand> {
  const { tenant_id, jti, job_id } = query;
  const { taken, permits } = await db
    .selectNoFrom((eb) => [
      jsonArrayFrom(
        eb
          .selectFrom("commands")
          .select(["commands.jti", "commands.job_id"])
          .where("commands.tenant_id", "=", tenant_id)
          .where((or) => or.or([or("commands.jti", "=", jti), or("commands.job_id", "=", job_id)])),
      ).as("taken"),
      jsonArrayFrom(
        eb
          .selectFrom("permits")
          .select(["permits.status", "permits.end_reason"])
          .where("permits.tenant_id", "=", tenant_id)
          .where("permits.jti", "=", jti),
      ).as("permits"),
    ])
    .executeTakeFirstOrThrow();
  const [permit] = permits;
  return {
    sameAct: taken.find((command) => command.jti === jti),
    isJobIdTaken: taken.some((command) => command.job_id === job_id),
    permitStatus: permit?.status,
    endReason: permit?.end_reason ?? null,
  };
}
