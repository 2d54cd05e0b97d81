/**
 * Records the histories for test/replay: starts a registry, drives every path of the workflows and writes one file for each. Without names
 * of paths it records all. Run it after an intended change of the workflows.
 *
 *     npx tsx scripts/record-histories.ts [PATH…]
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { createRegistryClient } from "../src/client/http/registry-client.js";
import { openPasskeyFile } from "../src/passkey/file.js";
import { DEMO_TENANT } from "../src/stack/founding/demo-tenants.js";
import { type RunningRegistry, startRegistry } from "../src/stack/registry/registry.js";
import { openStore } from "../src/storage/open.js";
import { openTemporalClient } from "../test/harness/temporal-client.js";
import { paths } from "../test/replay/paths.js";
import { buildPathPolicy, type ReplaySetup, tenantsOfPaths } from "../test/replay/replay-setup.js";

const FOLDER = fileURLToPath(new URL("../test/replay/histories/", import.meta.url));
const SOURCES = fileURLToPath(new URL("..", import.meta.url));

const wanted = process.argv.slice(2);
const chosen = paths.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const dataDir = resolve(".ogr", `histories-${process.pid}`);
const registry = await startRegistry({ dataDir, log: console.error, tenants: tenantsOfPaths, policy: await buildPathPolicy(0) });
const store = await openStore(registry.founded.rootStore);
const temporal = await openTemporalClient({ address: registry.place.temporalAddress, namespace: registry.place.temporalNamespace });
try {
  await mkdir(FOLDER, { recursive: true });
  for (const path of chosen) {
    const workflowId = await path.drive(buildReplaySetup(registry));
    const handle = temporal.client.workflow.getHandle(workflowId);
    await handle.result();
    await writeFile(
      join(FOLDER, `${path.name}.json`),
      `${JSON.stringify(anonymizeValue(JSON.parse(historyToJSON(await handle.fetchHistory()))))}\n`,
    );
    console.log(path.name);
  }
} finally {
  await temporal.close();
  await store.close();
  await registry.stop();
  await rm(dataDir, { recursive: true, force: true });
}

function buildReplaySetup({ apiUrl: url, founded, processes }: RunningRegistry): ReplaySetup {
  return {
    url,
    dataDir,
    founded,
    store,
    ...processes,
    temporal: temporal.client,
    as(name, tenant = DEMO_TENANT) {
      const actor = founded.actors.find((one) => one.tenant_id === tenant && one.actor_id.endsWith(`:${name}`));
      if (actor === undefined) throw new Error(`${tenant} has no actor ${name}`);
      return createRegistryClient({ server: url, token: actor.token }, actor);
    },
    openPasskeys: (name) => openPasskeyFile(join(dataDir, "people", name, "passkey.json")),
  };
}

/** Removes data about the recording machine that replay does not need. */
function anonymizeValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(anonymizeValue);
  if (typeof value === "string") return value.replaceAll(SOURCES, "/");
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => name !== "stackTrace" && name !== "identity");
  return Object.fromEntries(kept.map(([name, member]) => [name, anonymizeValue(member)]));
}
