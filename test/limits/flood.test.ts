import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generatePushes, type Push, tryPush } from "../../bench/pushes.js";
import type { RegistryClient } from "../../src/client/http/registry-client.js";
import { DEMO_TENANT, demoTenants, OTHER_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { actByCard, buildRegistrationJob } from "../harness/acting.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";

const ACTS_MAX = 6;
const PUSHES = 14;

let registry: TestRegistry;
beforeAll(async () => {
  // The other tenant has the same people, who can approve there.
  const [demo] = demoTenants;
  const others = (demo?.actors ?? []).map((actor) => ({
    ...actor,
    ...(actor.person_id === undefined ? {} : { person_id: `${actor.person_id}.other`, emails: [] }),
  }));
  registry = await startTestRegistry({
    name: "flood",
    tenants: [...demoTenants.slice(0, 1), { tenant_id: OTHER_TENANT, actors: others }],
    variables: { api: { OGR_ACTS_MAX: String(ACTS_MAX) } },
  });
  for (const tenant of [DEMO_TENANT, OTHER_TENANT])
    await actByCard({ as: (name) => registry.as(name, tenant), openPasskeys: registry.openPasskeys }, buildRegistrationJob("P.flood"));
});
afterAll(() => registry.stop());

test("a flood is refused early, every accepted act gets its receipt, and another tenant is served meanwhile", async () => {
  const statuses: number[] = [];
  let isOver = false;
  const flood = Promise.all(
    Array.from({ length: PUSHES }, (_, n) =>
      until(registry.as("admin"), generatePushes("P.flood", `feature/n${n}`).next().value, statuses),
    ),
  ).finally(() => {
    isOver = true;
  });
  const others: number[] = [];
  const pushes = generatePushes("P.flood", "feature/quiet");
  let meanwhile = 0;
  for (let n = 0; n < 3; n += 1) {
    const pushed = await tryPush(registry.as("admin", OTHER_TENANT), pushes.next().value);
    others.push(pushed.done ? 200 : pushed.status);
    if (!isOver) meanwhile += 1;
  }
  await flood;
  expect(others).toEqual([200, 200, 200]);
  expect(meanwhile).toBeGreaterThan(0);
  expect(statuses.filter((status) => status === 200).length).toBe(PUSHES);
  const refused = statuses.filter((status) => status !== 200);
  expect(refused.length).toBeGreaterThan(0);
  expect([...new Set(refused)].every((status) => status === 429 || status === 503)).toBe(true);
  const { body } = await ask("/v1/query/registry/project/P.flood");
  const refs = (body as { refs: { name: string }[] }).refs.map(({ name }) => name);
  expect(refs.filter((name) => name.startsWith("refs/heads/feature/")).length).toBe(PUSHES);
});

/** Repeats the push until it is accepted, and records every status. */
async function until(client: RegistryClient, push: Push, statuses: number[]): Promise<void> {
  for (;;) {
    const pushed = await tryPush(client, push);
    statuses.push(pushed.done ? 200 : pushed.status);
    if (pushed.done) return;
    await sleep(100);
  }
}

async function ask(path: string): Promise<{ body: unknown }> {
  const { token, tenant_id } = registry.getActor("admin");
  const answer = await fetch(`${registry.url}${path}?tenant_id=${tenant_id}`, { headers: { authorization: `Bearer ${token}` } });
  return { body: await answer.json() };
}
