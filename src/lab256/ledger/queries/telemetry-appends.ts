import { sql } from "kysely";
import { z } from "zod";
import type { JobType } from "../../../domain/act/job.js";
import type { Receipt } from "../../../domain/permit/receipt.js";
import type { Db } from "../../database/database.js";

const APPEND: JobType = "git.registry.telemetry_append";

/** How many of the newest receipts are searched for the furthest append, because receipts can be recorded slightly out of order. */
const RECEIPTS_READ_COUNT = 20;

/** What the receipt of an append states: the last appended entry of the ledger, and the size of the largest file of lines. */
const artifactSchema = z.object({ to_seq: z.int().positive(), file_bytes: z.int().nonnegative().optional() });

export type TelemetryAppend = z.infer<typeof artifactSchema> & { readonly project_id: string };

/** Finds the tenant's last telemetry append, to any repository or to that of one project. */
export async function findLastTelemetryAppend(
  db: Db,
  { tenant_id, project_id }: { readonly tenant_id: string; readonly project_id?: string },
): Promise<TelemetryAppend | undefined> {
  let select = db
    .selectFrom("receipts")
    .select(["project_id", "receipt"])
    .where("tenant_id", "=", tenant_id)
    // A literal, so that the partial index of these receipts applies.
    .where("job_type", "=", sql.lit(APPEND))
    .where("status", "=", sql.lit("success" as const));
  if (project_id !== undefined) select = select.where("project_id", "=", project_id);
  const rows = await select.orderBy("seq", "desc").limit(RECEIPTS_READ_COUNT).execute();
  const appended = rows.flatMap(({ project_id: of, receipt }) => parseAppendArtifacts(receipt).map((end) => ({ project_id: of, ...end })));
  return appended.sort((a, b) => b.to_seq - a.to_seq)[0];
}

function parseAppendArtifacts({ artifacts }: Receipt): z.infer<typeof artifactSchema>[] {
  return artifacts.flatMap((artifact) => {
    const parsed = artifactSchema.safeParse(JSON.parse(artifact));
    return parsed.success ? [parsed.data] : [];
  });
}
