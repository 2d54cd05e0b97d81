import type { Client } from "@temporalio/client";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { PREDICATE_TYPE } from "../domain/attestations.js";
import { createTestKey } from "../domain/samples.js";
import { actByCard, actByPermit, buildPushJob, buildRegistrationJob } from "../harness/acting.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import { buildPullTenant, createPullingEnvironment } from "../harness/pulling.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";
import { buildScenarioPolicy } from "../scenarios/policies.js";
import { buildScenarioTenants, QUICK_OFFICE } from "../scenarios/tenants.js";

/** The tenant whose Runner pulls over HTTP. */
export const PULL_TENANT = "T.PULL";

/** The tenant whose commands are never pulled over HTTP. */
export const IDLE_TENANT = "T.IDLE";

/** The project of the pushes and releases. */
export const PROJECT = "P.pushed";

export const attestor = createTestKey();

const pulled = buildPullTenant(PULL_TENANT, buildPeople(PULL_TENANT));
const idle = buildPullTenant(IDLE_TENANT, buildPeople(IDLE_TENANT));

/** A registry for every path of LAB 256, and what the paths need. */
export interface ActsSetup {
  readonly registry: TestRegistry;
  readonly temporal: Client;
  readonly clone: Clone;
  /** The commit that `feature/base` of the project has. */
  readonly base: string;
  stop(): Promise<void>;
}

export async function openActsSetup(name: string): Promise<ActsSetup> {
  const registry = await startTestRegistry({
    name,
    policy: await buildPolicy(),
    tenants: [...buildScenarioTenants(), pulled.seed, idle.seed],
  });
  let temporalClient: TemporalTestClient | undefined;
  const stop = async () => {
    await temporalClient?.close();
    await registry.stop();
  };
  try {
    temporalClient = await openTemporalClient(registry.temporal);
    const temporal = temporalClient.client;
    await registry.lab512.stop();
    await registry.lab512.start({ env: await createPullingEnvironment(registry, { [PULL_TENANT]: pulled.tokens }) });
    const clone = new Clone();
    const base = clone.commit("base.txt", "base");
    await registerCountedPasskey(registry, "bob");
    await actByCard(registry, buildRegistrationJob(PROJECT));
    await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/base"));
    return { registry, temporal, clone, base, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A policy by which a release needs an attestation and the permits of one office expire soon. */
function buildPolicy(): Promise<Uint8Array> {
  return buildScenarioPolicy((data) => ({
    ...data,
    jobs: { ...data.jobs, "git.registry.tag_release": { level: "L4", target: "LAB_512", attestation: PREDICATE_TYPE } },
    attestors: { [PREDICATE_TYPE]: { keys: [attestor.jwk] } },
  }));
}

/** The actors who open and approve cards in a tenant. */
function buildPeople(tenant: string): NonNullable<TenantSeed["actors"]> {
  const offices = ["office::default", QUICK_OFFICE].map((office_id) => ({ office_id, roles: [] }));
  return ["admin", "bob"].map((name) => {
    return { actor_id: `ubl:sid:person:${name}`, person_id: `person:${name}:${tenant}`, display_name: name, offices };
  });
}
