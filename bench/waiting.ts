import { setTimeout as sleep } from "node:timers/promises";
import { Refused } from "../src/client/problem.js";
import type { RegistryClient } from "../src/client/registry-client.js";
import { inLanes, latencies, percentile, ratio } from "./figures.js";
import { usageOf } from "./process-usage.js";
import { push, pushesOf } from "./pushes.js";
import { type BenchRegistry, openBenchRegistry, registerProject } from "./registry.js";

/** Cards opened at the same time; each waits for its plan. */
const OPENERS = 16;
const WARM_UP = 30;
const SETTLE_MS = 5_000;
const AGAIN_MS = 1_000;

/** A fresh push, and the memory of the workers, beside an empty system and beside cards that wait for approval. */
export async function waiting(options: { cards: number; pushes: number }, log: (line: string) => void): Promise<Record<string, unknown>> {
  const registry = await openBenchRegistry(log);
  try {
    await registerProject(registry, "P.bench");
    const pushes = pushesOf("P.bench", "review/bench");
    const measure = () => measured(registry, options.pushes, () => push(registry.admin, pushes.next().value));
    for (let n = 0; n < WARM_UP; n += 1) await push(registry.admin, pushes.next().value);
    log(`nothing waits: ${options.pushes} pushes`);
    const empty = await measure();
    log(`opening ${options.cards} cards`);
    const started = performance.now();
    const lanes = Array.from({ length: OPENERS }, (_, lane) =>
      Array.from({ length: Math.ceil((options.cards - lane) / OPENERS) }, (_, n) => `P.waits-${lane}-${n}`),
    );
    await inLanes(lanes, (project) => openWaitingCard(registry.admin, project));
    const opening_s = Math.round((performance.now() - started) / 1000);
    await sleep(SETTLE_MS);
    log(`${options.cards} cards wait: ${options.pushes} pushes`);
    const waited = await measure();
    return {
      cards: options.cards,
      opening_s,
      empty,
      waiting: waited,
      push_ratio_p50: ratio(waited.p50_ms, empty.p50_ms),
      rss_ratio: Object.fromEntries(
        ["lab256", "lab512"].map((name) => [name, ratio(waited.rss_mib[name] ?? Number.NaN, empty.rss_mib[name] ?? Number.NaN)]),
      ),
      targets: { ratio: 1.1 },
    };
  } finally {
    await registry.close();
  }
}

async function measured(registry: BenchRegistry, count: number, one: () => Promise<number>) {
  const took_ms: number[] = [];
  for (let n = 0; n < count; n += 1) took_ms.push(await one());
  const rss_mib = Object.fromEntries(Object.entries(usageOf(registry.roots())).map(([name, usage]) => [name, usage.rss_mib]));
  return { ...latencies(took_ms), p50_ms: percentile(took_ms, 50), rss_mib };
}

/** Opens a card that needs an approval, and asks again while the registry has enough to do. */
async function openWaitingCard(client: RegistryClient, project_id: string): Promise<void> {
  const params = { project_id, name: project_id, owners: [client.actor_id], visibility: "internal" };
  for (;;) {
    const card = await client.openCard({
      office_id: "office::default",
      intent: "bench",
      jobType: "git.registry.init",
      params,
      target: "LAB_512",
    });
    if (card.ok) return;
    if (card.status !== 429 && card.status !== 503) throw new Refused(card.problem);
    await sleep(AGAIN_MS);
  }
}
