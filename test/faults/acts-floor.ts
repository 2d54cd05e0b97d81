import type { Client } from "@temporalio/client";
import { registerPasskey } from "../../src/client/deciding.js";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { PREDICATE_TYPE } from "../domain/attestations.js";
import { newKey } from "../domain/samples.js";
import { actByCard, actByPermit, push, registration } from "../harness/acting.js";
import { pullingEnvironment, pullTenant } from "../harness/pulling.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporal, type TemporalDesk } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";
import { scenarioPolicy } from "../scenarios/policies.js";
import { QUICK_OFFICE, scenarioTenants } from "../scenarios/tenants.js";

/** The tenant whose Runner pulls over HTTP. */
export const PULL_TENANT = "T.PULL";

/** The tenant whose commands are to be pulled over HTTP, and are pulled by nobody. */
export const IDLE_TENANT = "T.IDLE";

/** The project that pushes and releases go to. */
export const PROJECT = "P.pushed";

export const attestor = newKey();

const pulled = pullTenant(PULL_TENANT, people(PULL_TENANT));
const idle = pullTenant(IDLE_TENANT, people(IDLE_TENANT));

/** A registry in which every path of LAB 256 can be gone, and what going them takes. */
export interface ActsFloor {
  readonly registry: TestRegistry;
  readonly temporal: Client;
  readonly clone: Clone;
  /** The commit that `feature/base` of the project has. */
  readonly base: string;
  stop(): Promise<void>;
}

export async function openActsFloor(name: string): Promise<ActsFloor> {
  const registry = await startTestRegistry({ name, policy: await policy(), tenants: [...scenarioTenants(), pulled.seed, idle.seed] });
  let desk: TemporalDesk | undefined;
  const stop = async () => {
    await desk?.close();
    await registry.stop();
  };
  try {
    desk = await openTemporal(registry.temporal);
    const temporal = desk.client;
    await registry.lab512.stop();
    await registry.lab512.start({ env: await pullingEnvironment(registry, { [PULL_TENANT]: pulled.tokens }) });
    const clone = new Clone();
    const base = clone.commit("base.txt", "base");
    await registerPasskey(registry.as("bob"), registry.passkeys("bob"), "test");
    await actByCard(registry, registration(PROJECT));
    await actByPermit(registry.as("admin"), push(clone, PROJECT, "feature/base"));
    return { registry, temporal, clone, base, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A release needs an attestation, and the permits of one office are soon over. */
function policy(): Promise<Uint8Array> {
  return scenarioPolicy((data) => ({
    ...data,
    jobs: { ...data.jobs, "git.registry.tag_release": { level: "L4", target: "LAB_512", attestation: PREDICATE_TYPE } },
    attestors: { [PREDICATE_TYPE]: { keys: [attestor.jwk] } },
  }));
}

/** Who opens cards in a tenant, and who decides about them. */
function people(tenant: string): NonNullable<TenantSeed["actors"]> {
  const offices = ["office::default", QUICK_OFFICE].map((office_id) => ({ office_id, roles: [] }));
  return ["admin", "bob"].map((name) => {
    return { actor_id: `ubl:sid:person:${name}`, person_id: `person:${name}:${tenant}`, display_name: name, offices };
  });
}
