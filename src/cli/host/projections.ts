import type { Db } from "../../lab256/database/database.js";
import { type Call, CliCommand } from "../cli-command.js";
import { EXIT } from "../exit-codes.js";
import { UnsuccessfulExit, UsageError } from "../failure.js";
import { buildDryRunOption } from "../terminal/option-values.js";

interface DatabaseOptions {
  readonly dryRun?: boolean;
  readonly databaseUrl?: string;
  readonly tenant?: string;
}

/** Loaded on demand: without a database client every other command starts in half the time. */
const loadLedger = async () => {
  const [{ openDatabase }, { listLedgerContainers }, { rebuildProjections }, { verifyProjections }] = await Promise.all([
    import("../../lab256/database/database.js"),
    import("../../lab256/ledger/queries/containers.js"),
    import("../../lab256/ledger/rebuild-projections.js"),
    import("../../lab256/ledger/verify-projections.js"),
  ]);
  return { openDatabase, listLedgerContainers, rebuildProjections, verifyProjections };
};
type Ledger = Awaited<ReturnType<typeof loadLedger>>;

/** `ogr projections verify`: compares every projection with the ledger. Needs the database. */
export function buildProjectionsVerifyCommand(): CliCommand {
  return new DatabaseCommand("verify", "compare the projections with the ledger")
    .addExamples("DATABASE_URL=postgresql://… ogr projections verify")
    .run(async (call) => {
      const tenants = await withDatabase(call, async (db, ledger) => {
        const verdicts = [];
        for (const tenant_id of await resolveTenants(db, ledger, call.options))
          verdicts.push({ tenant_id, ...(await ledger.verifyProjections(db, tenant_id)) });
        return verdicts;
      });
      for (const verdict of tenants) {
        const text = verdict.ok ? "match the ledger" : `DIFFER from the ledger in ${verdict.differences.length} rows; rebuild them`;
        call.out.print(verdict, `${verdict.tenant_id}: the projections ${text} (${verdict.entries} entries)`);
      }
      if (tenants.some((verdict) => !verdict.ok)) throw new UnsuccessfulExit(EXIT.error);
    });
}

/** `ogr projections rebuild`: rebuilds every projection from the ledger. Readers see the old state or the new one. */
export function buildProjectionsRebuildCommand(): CliCommand {
  return new DatabaseCommand("rebuild", "rebuild the projections from the ledger")
    .addOption(buildDryRunOption())
    .addExamples("DATABASE_URL=postgresql://… ogr projections rebuild --tenant T.UBL")
    .run(async (call) => {
      if (call.options.dryRun) {
        for (const tenant_id of await withDatabase(call, (db, ledger) => resolveTenants(db, ledger, call.options)))
          call.out.print({ dry_run: true, act: "projections.rebuild", tenant_id }, `${tenant_id}: would be rebuilt (--dry-run)`);
        return;
      }
      const rebuilt = await withDatabase(call, (db, ledger) => ledger.rebuildProjections(db, call.options.tenant));
      for (const tenant of rebuilt) call.out.print(tenant, `${tenant.tenant_id}: rebuilt from ${tenant.entries} entries`);
    });
}

class DatabaseCommand extends CliCommand<DatabaseOptions> {
  constructor(name: string, description: string) {
    super(name, description);
    this.option("--database-url <url>", "the registry's Postgres (prefer DATABASE_URL: other users cannot see it)").option(
      "--tenant <id>",
      "only this tenant, such as T.UBL",
    );
  }
}

async function withDatabase<T>({ options }: Call<DatabaseOptions>, work: (db: Db, ledger: Ledger) => Promise<T>): Promise<T> {
  const url = options.databaseUrl ?? process.env.DATABASE_URL;
  if (url === undefined || url === "")
    throw new UsageError("No database is given: set DATABASE_URL or pass --database-url; `ogr dev` prints its own.");
  const ledger = await loadLedger();
  const db = ledger.openDatabase(url, { maxConnections: 2 });
  try {
    return await work(db, ledger);
  } finally {
    await db.destroy();
  }
}

async function resolveTenants(db: Db, { listLedgerContainers }: Ledger, { tenant }: DatabaseOptions): Promise<string[]> {
  const known = (await listLedgerContainers(db)).map(({ tenant_id }) => tenant_id);
  if (tenant === undefined) return known;
  if (!known.includes(tenant))
    throw new UsageError(`--tenant: the ledger has no tenant ${tenant}; it has ${known.join(", ") || "none yet"}.`);
  return [tenant];
}
