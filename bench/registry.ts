import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decide } from "../src/client/deciding.js";
import { required } from "../src/client/problem.js";
import { type RegistryClient, registryClient } from "../src/client/registry-client.js";
import { cardBeyond, cardEnd } from "../src/client/waiting.js";
import { openPasskeyFile } from "../src/passkey/file.js";
import { startRegistry } from "../src/stack/registry.js";

const TENANT = "T.UBL";

export type BenchRegistry = Awaited<ReturnType<typeof openBenchRegistry>>;

/** A registry of its own in a fresh folder, with every server and process, ended and removed by `close`. */
export async function openBenchRegistry(log: (line: string) => void) {
  const data_dir = await mkdtemp(join(tmpdir(), "ogr-bench-"));
  const running = await startRegistry({ data_dir, log });
  const clientOf = (name: string): RegistryClient => {
    const actor = running.founded.actors.find(({ actor_id, tenant_id }) => tenant_id === TENANT && actor_id.endsWith(`:${name}`));
    if (actor === undefined) throw new Error(`The bench registry has no actor ${name}.`);
    return registryClient({ server: running.api_url, token: actor.token }, actor);
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
    approver: clientOf("bob"),
    passkeys: openPasskeyFile(join(data_dir, "passkeys", "passkey.json")),
    data_dir,
    roots,
    close,
  };
}

/** Registers a project by card and approval. */
export async function registerProject({ admin, approver, passkeys }: BenchRegistry, project_id: string): Promise<void> {
  const params = { project_id, name: project_id, owners: [admin.actor_id], visibility: "internal" };
  const card = required(
    await admin.openCard({ office_id: "office::default", intent: "bench", jobType: "git.registry.init", params, target: "LAB_512" }),
  );
  const planned = await cardBeyond(admin, card.card_id, ["planning"], 60_000);
  if (planned.status === "awaiting_approval")
    required(await decide(approver, passkeys, { card_id: card.card_id, decision: "approve", office_id: "office::default" }));
  const end = await cardEnd(admin, card.card_id, 60_000);
  if (end.status !== "success") throw new Error(`${project_id} was not registered: ${end.status}`);
}
