import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import { waitForCardEnd } from "../../src/client/waiting.js";
import type { PolicyData } from "../../src/decision/policy/data.js";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { DEMO_TENANT, demoTenants } from "../../src/stack/founding/demo-tenants.js";
import type { Founded } from "../../src/stack/founding/founding.js";
import type { RegistryProcess } from "../../src/stack/registry/registry-process.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { type ActorAccess, actByCard, actByPermit, buildPushJob, buildRegistrationJob, PATIENCE_MS } from "../harness/acting.js";
import { buildPolicyWith, publishPolicy, replaceLevel } from "../harness/policies.js";
import { buildPullTenant, createPullingEnvironment as environmentFor } from "../harness/pulling.js";
import { type Entry, formatRegistryJson } from "../infra-engine/registries.js";
import { Clone } from "../repository/real-git.js";

/** What the paths need to drive a flow: actors, Temporal, the store, and a Runner to kill. */
export interface ReplaySetup extends ActorAccess {
  readonly url: string;
  readonly dataDir: string;
  readonly founded: Founded;
  readonly store: ObjectStore;
  readonly lab512: RegistryProcess;
  readonly lab256: RegistryProcess;
  readonly api: RegistryProcess;
  readonly temporal: Client;
}

/** The tenant whose Runner pulls over HTTP. */
export const PULL_TENANT = "T.PULL";

const buildPerson = (name: string) => ({
  actor_id: `ubl:sid:person:${name}`,
  person_id: `person:${name}`,
  display_name: name,
  offices: [{ office_id: "office::default", roles: [] }],
});

const pulled = buildPullTenant(PULL_TENANT, [buildPerson("pia"), buildPerson("paul")]);

export const tenantsOfPaths: readonly TenantSeed[] = [...demoTenants, pulled.seed];

/** The office through which a card needs two approvals at every level. */
export const TWO_APPROVALS_OFFICE = "office:registry";

/** The default policy with short clocks: L2 permits and L5 cards expire at once. `edition` only varies the hash. */
export function buildPathPolicy(edition: number, change: (data: PolicyData) => PolicyData = (data) => data): Promise<Uint8Array> {
  return buildPolicyWith((data) => {
    const clocks = replaceLevel(replaceLevel(data, "L2", { permit_ttl_ms: 1200 }), "L5", { decide_within_ms: 1500 });
    const office = clocks.offices[TWO_APPROVALS_OFFICE];
    if (office === undefined) throw new Error(`The default policy has no ${TWO_APPROVALS_OFFICE}.`);
    const strict = { ...office, allowed_actions: [...office.allowed_actions, "git.registry.push"], approval_policy: { min_approvals: 2 } };
    const strictly = { ...clocks, offices: { ...clocks.offices, [TWO_APPROVALS_OFFICE]: strict } };
    return change(replaceLevel(strictly, "L0", { max_run_ms: 600_000 + edition }));
  });
}

let editions = 0;

/** Publishes a policy with another hash and, except for `change`, the same content. */
export async function republishPolicy(setup: ReplaySetup, tenant = DEMO_TENANT, change?: (data: PolicyData) => PolicyData): Promise<void> {
  editions += 1;
  await publishPolicy(setup, tenant, await buildPathPolicy(editions, change));
}

/** Registers a project with one commit on `feature/base`. */
export async function createProject(setup: ReplaySetup, project_id: string): Promise<{ clone: Clone; base: string }> {
  const clone = new Clone();
  const base = clone.commit("base.txt", project_id);
  await actByCard(setup, buildRegistrationJob(project_id));
  await actByPermit(setup.as("admin"), buildPushJob(clone, project_id, "feature/base"));
  return { clone, base };
}

/** Runs `work` with another Runner in place of the usual one. */
export async function withRunner(
  setup: ReplaySetup,
  changes: Parameters<RegistryProcess["start"]>[0],
  work: () => Promise<string>,
): Promise<string> {
  await setup.lab512.stop();
  await setup.lab512.start(changes);
  const result = await work();
  await setup.lab512.stop();
  await setup.lab512.start();
  return result;
}

/** Writes an infra registry with these projects to a file. Returns its path. */
export function writeInfraFile(setup: ReplaySetup, projects: Readonly<Record<string, Entry>>): string {
  const path = join(setup.dataDir, "infra-registry.json");
  writeFileSync(
    path,
    formatRegistryJson(Object.fromEntries(Object.entries(projects).map(([name, entry]) => [`${DEMO_TENANT}/${name}`, entry]))),
  );
  return path;
}

/** Waits until the card has ended. Returns its flow's id. */
export async function waitForEnd(setup: ReplaySetup, { card_id }: { card_id: string }): Promise<string> {
  return (await waitForCardEnd(setup.as("admin"), card_id, PATIENCE_MS)).workflow_id;
}

/** Runs `work` in a deployment whose infra registry is this file, with telemetry every second. */
export async function withInfra(setup: ReplaySetup, path: string, work: () => Promise<string>): Promise<string> {
  const restartAll = async (env: Record<string, string>) => {
    for (const one of [setup.api, setup.lab256, setup.lab512]) {
      await one.stop();
      await one.start({ env });
    }
  };
  await restartAll({ OGR_INFRA: `file:${path}`, OGR_TELEMETRY_EVERY_S: "1" });
  const result = await work();
  await restartAll({});
  return result;
}

/** The environment of a Runner that also pulls over HTTP for PULL_TENANT. */
export function createReplayPullingEnvironment(setup: ReplaySetup): Promise<Record<string, string>> {
  return environmentFor(setup, { [PULL_TENANT]: pulled.tokens });
}
