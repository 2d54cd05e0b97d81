import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { built } from "../scripts/built.js";
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
/** A second tenant that does little. */
export const QUIET_TENANT = "T.QUIET";

const member = (office_id: string, ...roles: string[]) => ({ office_id, roles });
const quietTenant: TenantSeed = {
  tenant_id: QUIET_TENANT,
  actors: [
    {
      actor_id: "ubl:sid:person:quinn",
      person_id: "person:quinn",
      display_name: "Quinn",
      emails: ["quinn@quiet.example"],
      offices: [member("office::default", "maintainer")],
    },
    {
      actor_id: "ubl:sid:person:bob",
      person_id: "person:rob",
      display_name: "Rob",
      emails: ["rob@quiet.example"],
      offices: [member("office::default", "approver")],
    },
  ],
};

export type BenchRegistry = Awaited<ReturnType<typeof openBenchRegistry>>;

/** A registry of its own in a fresh folder, with every server and the built processes, as they are installed; ended and removed by `close`. */
export async function openBenchRegistry(log: (line: string) => void) {
  const data_dir = await mkdtemp(join(tmpdir(), "ogr-bench-"));
  await chooseUnusualPorts(data_dir);
  const running = await startRegistry({ data_dir, log, built: await built(".built-bench"), tenants: [...demoTenants, quietTenant] });
  const clientOf = (name: string, tenant = TENANT): RegistryClient => {
    const actor = running.founded.actors.find(({ actor_id, tenant_id }) => tenant_id === tenant && actor_id.endsWith(`:${name}`));
    if (actor === undefined) throw new Error(`The bench registry has no actor ${name}.`);
    return createRegistryClient({ server: running.api_url, token: actor.token }, actor);
  };
  const roots = (): Record<string, number> =>
    Object.fromEntries(
      running.servers.processes.filter((process) => process.exit() === undefined).map((process) => [process.name, process.pid]),
    );
  const close = async () => {
    await running.stop();
    await rm(data_dir, { recursive: true, force: true });
  };
  return {
    admin: clientOf("admin"),
    quiet: clientOf("quinn", QUIET_TENANT),
    approver: (tenant?: string) => clientOf("bob", tenant),
    temporal: { address: running.place.temporal_address, namespace: running.place.temporal_namespace },
    database_url: running.place.database_url,
    root_store: running.founded.root_store,
    supervisor: running.servers.supervisor,
    openStore: () => openStore(running.founded.root_store),
    passkeys: openPasskeyFile(join(data_dir, "passkeys", "passkey.json")),
    data_dir,
    /** The three processes, which can be stopped and started with another environment. */
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
