/**
 * Records the histories that test/replay replays: starts a registry of its own, goes every path of the workflows, and writes one file
 * each. Names of paths may follow; all are recorded when none does. Run it after a change of the workflows that is meant to be one.
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
import { openTemporal } from "../test/harness/temporal-client.js";
import { type Desk, policyOfPaths, tenantsOfPaths } from "../test/replay/desk.js";
import { paths } from "../test/replay/paths.js";

const FOLDER = fileURLToPath(new URL("../test/replay/histories/", import.meta.url));
const SOURCES = fileURLToPath(new URL("..", import.meta.url));

const wanted = process.argv.slice(2);
const chosen = paths.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const data_dir = resolve(".ogr", `histories-${process.pid}`);
const registry = await startRegistry({ data_dir, log: console.error, tenants: tenantsOfPaths, policy: await policyOfPaths(0) });
const store = await openStore(registry.founded.root_store);
const temporal = await openTemporal({ address: registry.place.temporal_address, namespace: registry.place.temporal_namespace });
try {
  await mkdir(FOLDER, { recursive: true });
  for (const path of chosen) {
    const workflowId = await path.drive(deskOf(registry));
    const handle = temporal.client.workflow.getHandle(workflowId);
    await handle.result();
    await writeFile(
      join(FOLDER, `${path.name}.json`),
      `${JSON.stringify(anonymous(JSON.parse(historyToJSON(await handle.fetchHistory()))))}\n`,
    );
    console.log(path.name);
  }
} finally {
  await temporal.close();
  await store.close();
  await registry.stop();
  await rm(data_dir, { recursive: true, force: true });
}

function deskOf({ api_url: url, founded, processes }: RunningRegistry): Desk {
  return {
    url,
    data_dir,
    founded,
    store,
    ...processes,
    temporal: temporal.client,
    as(name, tenant = DEMO_TENANT) {
      const actor = founded.actors.find((one) => one.tenant_id === tenant && one.actor_id.endsWith(`:${name}`));
      if (actor === undefined) throw new Error(`${tenant} has no actor ${name}`);
      return createRegistryClient({ server: url, token: actor.token }, actor);
    },
    passkeys: (name) => openPasskeyFile(join(data_dir, "people", name, "passkey.json")),
  };
}

/** Without what tells of the machine that recorded it and replay does not need. */
function anonymous(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(anonymous);
  if (typeof value === "string") return value.replaceAll(SOURCES, "/");
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => name !== "stackTrace" && name !== "identity");
  return Object.fromEntries(kept.map(([name, member]) => [name, anonymous(member)]));
}
