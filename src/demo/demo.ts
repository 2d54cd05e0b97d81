import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enterPasskey } from "../client/charter.js";
import { createRegistryClient } from "../client/http/registry-client.js";
import { readJwks, readSigningKey } from "../configuration/keys.js";
import { openPasskeyFile } from "../passkey/file.js";
import { DEMO_TENANT, OTHER_TENANT } from "../stack/founding/demo-tenants.js";
import { resolveKeyFolders } from "../stack/founding/keys.js";
import { type RunningRegistry, startRegistry } from "../stack/registry/registry.js";
import { pushHistory, registerProject, type Stage, tagRelease } from "./acts.js";
import { createDemoDatabase, type DemoDatabase, emptyDataFolder } from "./fresh-start.js";
import { type DemoHistory, type HistorySource, takeHistory } from "./history.js";
import { proveCatalog, proveLedger, proveReceipts, proveRepository } from "./proof.js";
import type { DemoReport } from "./report.js";

export interface DemoOptions {
  /** Emptied by every run. */
  readonly dataDir: string;
  readonly source: HistorySource;
  readonly report: DemoReport;
}

/**
 * Runs ADR-002's Proof of Done on real servers and a real history: registers, pushes, releases, and proves the outcome with stock git.
 * Returns whether everything held; the report tells what failed.
 */
export async function runDemo({ dataDir, source, report }: DemoOptions): Promise<boolean> {
  let step = "history";
  let running: RunningRegistry | undefined;
  let database: DemoDatabase | undefined;
  const folder = await mkdtemp(join(tmpdir(), "ogr-demo-"));
  try {
    const history = await takeHistory(source, join(folder, "history.git"));
    step = "start";
    if (!(await emptyDataFolder(dataDir, report.progress))) throw new Error(`another demo runs on ${dataDir}: wait for it, or stop it`);
    const createOwnDatabase = async (serverUrl: string) => {
      database = await createDemoDatabase(serverUrl, { isAlone: !process.env.DATABASE_URL });
      return database.url;
    };
    const registry = await startRegistry({ dataDir, log: report.progress, chooseDatabase: createOwnDatabase });
    running = registry;
    reportStart(registry, history, report);
    const { stage, stranger } = await buildCast(registry, folder, dataDir, report);
    // Stays until the next demo, so that a person can inspect it with git.
    const mirrors = join(dataDir, "mirror");
    await mkdir(mirrors, { recursive: true });
    const steps: Record<string, () => Promise<void>> = {
      register: () => registerProject(stage),
      push: () => pushHistory(stage, history),
      release: () => tagRelease(stage, history.branches[0]?.tip ?? ""),
      catalog: () => proveCatalog(stage.author, stranger, history, report),
      git: () => proveRepository(registry.founded.rootStore, DEMO_TENANT, history, mirrors, report),
      receipts: async () => proveReceipts(stage.receipts, readJwks(registry.founded.keys.receiptJwks), report),
      ledger: () => proveLedger(stage.author, report),
    };
    for (const [name, run] of Object.entries(steps)) {
      step = name;
      await run();
    }
    const branches = history.branches.length;
    const where = `${branches} ${branches === 1 ? "branch" : "branches"}`;
    const text = `${history.commits} commits on ${where} and one release, ${stage.receipts.length} signed receipts`;
    report.finish({ text, commits: history.commits, branches, receipts: stage.receipts.length });
    return true;
  } catch (error) {
    report.fail(step, error instanceof Error ? error.message : String(error));
    return false;
  } finally {
    await stopDemo(running, database);
    await rm(folder, { recursive: true, force: true });
  }
}

async function stopDemo(running: RunningRegistry | undefined, database: DemoDatabase | undefined): Promise<void> {
  // If the registry did not start, its servers and the database are already gone.
  if (running === undefined) return;
  await Promise.all(Object.values(running.processes).map((one) => one.stop()));
  await database?.drop();
  await running.stop();
}

function reportStart(
  { apiUrl, place, processes, founded }: RunningRegistry,
  { branches, commits, remarks }: DemoHistory,
  report: DemoReport,
): void {
  const started = Object.values(processes).map((one) => one.name);
  report.step({
    step: "start",
    text: `Temporal, the object store, Postgres, ${started.join(", ")} serve`,
    api_url: apiUrl,
    temporal_ui_url: place.temporalUiUrl,
    policy_hash: founded.policy_hash,
    facts: [
      `api       ${apiUrl}`,
      `Temporal  ${place.temporalUiUrl}`,
      `store     ${place.objectStore.kind === "s3" ? place.objectStore.endpoint : place.objectStore.path}`,
      `history   ${commits} commits on ${branches.map((one) => one.source).join(", ")}`,
      ...remarks.map((remark) => `note      ${remark}`),
    ],
  });
}

async function buildCast(
  registry: RunningRegistry,
  folder: string,
  dataDir: string,
  report: DemoReport,
): Promise<{ stage: Stage; stranger: Stage["author"] }> {
  const createClient = (tenant_id: string, name: string) => {
    const actor = registry.founded.actors.find((one) => one.tenant_id === tenant_id && one.actor_id.endsWith(`:${name}`));
    if (actor === undefined) throw new Error(`the registry was founded without ${name}: start again`);
    return createRegistryClient({ server: registry.apiUrl, token: actor.token }, actor);
  };
  const foundingKey = readSigningKey(join(resolveKeyFolders(dataDir).founding, `${DEMO_TENANT}.pem`));
  const workFolder = join(folder, "work");
  await mkdir(workFolder);
  const passkeys = openPasskeyFile(join(dataDir, "people", "bob", "passkey.json"));
  const approver = { client: createClient(DEMO_TENANT, "bob"), office_id: "office::default", passkeys };
  return {
    stage: {
      author: createClient(DEMO_TENANT, "admin"),
      approver,
      report,
      receipts: [],
      workFolder,
      countPasskey: async (passkey) => void (await enterPasskey(createClient(DEMO_TENANT, "admin"), foundingKey, "person:bob", passkey)),
    },
    stranger: createClient(OTHER_TENANT, "olga"),
  };
}
