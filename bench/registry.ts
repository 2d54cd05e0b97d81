import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildProcesses } from "../scripts/build-processes.js";
import { chooseUnusualPorts } from "../scripts/unusual-ports.js";
import { submitDecision } from "../src/client/deciding.js";
import { requireValue } from "../src/client/http/problem.js";
import { createRegistryClient, type RegistryClient } from "../src/client/http/registry-client.js";
import { waitForCardEnd, waitForCardToLeave } from "../src/client/waiting.js";
import type { TenantSeed } from "../src/lab256/identity/seed.js";
import { openPasskeyFile } from "../src/passkey/file.js";
import { demoTenants } from "../src/stack/founding/demo-tenants.js";
import { startRegistry } from "../src/stack/registry/registry.js";
import { openStore } from "../src/storage/open.js";

const TENANT = "T.UBL";
/** A second tenant with little load. */
export const QUIET_TENANT = "T.QUIET";

const buildMember = (office_id: string, ...roles: string[]) => ({ office_id, roles });
const quietTenant: TenantSeed = {
  tenant_id: QUIET_TENANT,
  actors: [
    {
      actor_id: "ubl:sid:person:quinn",
      person_id: "person:quinn",
      display_name: "Quinn",
      emails: ["quinn@quiet.example"],
      offices: [buildMember("office::default", "maintainer")],
    },
    {
      actor_id: "ubl:sid:person:bob",
      person_id: "person:rob",
      display_name: "Rob",
      emails: ["rob@quiet.example"],
      offices: [buildMember("office::default", "approver")],
    },
  ],
};

export type BenchRegistry = Awaited<ReturnType<typeof openBenchRegistry>>;

/** Starts a registry in a new folder with every server and the built processes. `close` stops and removes it. */
export async function openBenchRegistry(log: (line: string) => void) {
  const dataDir = await mkdtemp(join(tmpdir(), "ogr-bench-"));
  await chooseUnusualPorts(dataDir);
  const running = await startRegistry({
    dataDir,
    log,
    built: await buildProcesses(".built-bench"),
    tenants: [...demoTenants, quietTenant],
  });
  const createClient = (name: string, tenant = TENANT): RegistryClient => {
    const actor = running.founded.actors.find(({ actor_id, tenant_id }) => tenant_id === tenant && actor_id.endsWith(`:${name}`));
    if (actor === undefined) throw new Error(`The bench registry has no actor ${name}.`);
    return createRegistryClient({ server: running.apiUrl, token: actor.token }, actor);
  };
  const roots = (): Record<string, number> =>
    Object.fromEntries(
      running.servers.processes.filter((process) => process.findExit() === undefined).map((process) => [process.name, process.pid]),
    );
  const close = async () => {
    await running.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return {
    admin: createClient("admin"),
    quiet: createClient("quinn", QUIET_TENANT),
    approver: (tenant?: string) => createClient("bob", tenant),
    temporal: { address: running.place.temporalAddress, namespace: running.place.temporalNamespace },
    databaseUrl: running.place.databaseUrl,
    rootStore: running.founded.rootStore,
    supervisor: running.servers.supervisor,
    openStore: () => openStore(running.founded.rootStore),
    passkeys: openPasskeyFile(join(dataDir, "passkeys", "passkey.json")),
    /** The three processes, which can be restarted with another environment. */
    processes: running.processes,
    roots,
    close,
  };
}

/** Registers a project by card and approval. */
export async function registerProject(registry: BenchRegistry, project_id: string, tenant: string = TENANT): Promise<void> {
  const admin = tenant === TENANT ? registry.admin : registry.quiet;
  const params = { project_id, name: project_id, owners: [admin.actor_id], visibility: "internal" };
  const card = requireValue(
    await admin.openCard({ office_id: "office::default", intent: "bench", jobType: "git.registry.init", params, target: "LAB_512" }),
  );
  const planned = await waitForCardToLeave(admin, card.card_id, ["planning"], 60_000);
  if (planned.status === "awaiting_approval")
    requireValue(
      await submitDecision(registry.approver(tenant), registry.passkeys, {
        card_id: card.card_id,
        decision: "approve",
        office_id: "office::default",
      }),
    );
  const end = await waitForCardEnd(admin, card.card_id, 60_000);
  if (end.status !== "success") throw new Error(`${project_id} was not registered: ${end.status}`);
}
