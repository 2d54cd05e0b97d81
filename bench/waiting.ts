import { setTimeout as sleep } from "node:timers/promises";
import { submitDecision } from "../src/client/deciding.js";
import { Refused, requireValue } from "../src/client/http/problem.js";
import type { RegistryClient } from "../src/client/http/registry-client.js";
import { waitForCardToLeave } from "../src/client/waiting.js";
import { computePercentile, computeRatio, runInLanes, summarizeLatencies } from "./figures.js";
import { readUsage } from "./process-usage.js";
import { generatePushes, timePush } from "./pushes.js";
import { type BenchRegistry, openBenchRegistry, registerProject } from "./registry.js";

/** The number of cards opened concurrently, each of which waits for its plan. */
const OPENERS = 16;
const WARM_UP = 30;
/** Cards opened and withdrawn before the measurement, so that the memory of planning does not count as that of waiting. */
const WARM_UP_CARDS = 1_000;
const SETTLE_MS = 5_000;
const AGAIN_MS = 1_000;
const PLANNED_WITHIN_MS = 60_000;

/** Measures a push and the workers' memory, with no waiting cards and with many cards that wait for approval. */
export async function measureWaiting(
  options: { cards: number; pushes: number },
  log: (line: string) => void,
): Promise<Record<string, unknown>> {
  const registry = await openBenchRegistry(log);
  try {
    await registerProject(registry, "P.bench");
    const pushes = generatePushes("P.bench", "review/bench");
    const measureAgain = () => measurePushes(registry, options.pushes, () => timePush(registry.admin, pushes.next().value));
    for (let n = 0; n < WARM_UP; n += 1) await timePush(registry.admin, pushes.next().value);
    const fresh = readUsage(registry.roots());
    log(`opening and withdrawing ${WARM_UP_CARDS} cards`);
    await runInLanes(buildLanes("P.warm", WARM_UP_CARDS), async (project) =>
      withdrawCard(registry, await openWaitingCard(registry.admin, project)),
    );
    await sleep(SETTLE_MS);
    log(`nothing waits: ${options.pushes} pushes`);
    const empty = await measureAgain();
    log(`opening ${options.cards} cards`);
    const started = performance.now();
    await runInLanes(buildLanes("P.waits", options.cards), async (project) => {
      await openWaitingCard(registry.admin, project);
    });
    const opening_s = Math.round((performance.now() - started) / 1000);
    await sleep(SETTLE_MS);
    log(`${options.cards} cards wait: ${options.pushes} pushes`);
    const waited = await measureAgain();
    return {
      cards: options.cards,
      opening_s,
      fresh_rss_mib: Object.fromEntries(Object.entries(fresh).map(([name, { rss_mib }]) => [name, rss_mib])),
      empty,
      waiting: waited,
      push_ratio_p50: computeRatio(waited.p50_ms, empty.p50_ms),
      rss_ratio: Object.fromEntries(
        ["lab256", "lab512"].map((name) => [name, computeRatio(waited.rss_mib[name] ?? Number.NaN, empty.rss_mib[name] ?? Number.NaN)]),
      ),
      targets: { ratio: 1.1 },
    };
  } finally {
    await registry.close();
  }
}

function buildLanes(name: string, count: number): string[][] {
  return Array.from({ length: OPENERS }, (_, lane) =>
    Array.from({ length: Math.ceil((count - lane) / OPENERS) }, (_, n) => `${name}-${lane}-${n}`),
  );
}

async function withdrawCard({ admin, passkeys }: BenchRegistry, card_id: string): Promise<void> {
  await waitForCardToLeave(admin, card_id, ["planning"], PLANNED_WITHIN_MS);
  requireValue(await submitDecision(admin, passkeys, { card_id, decision: "withdraw", office_id: "office::default" }));
}

async function measurePushes(registry: BenchRegistry, count: number, one: () => Promise<number>) {
  const tookMs: number[] = [];
  for (let n = 0; n < count; n += 1) tookMs.push(await one());
  const rss_mib = Object.fromEntries(Object.entries(readUsage(registry.roots())).map(([name, usage]) => [name, usage.rss_mib]));
  return { ...summarizeLatencies(tookMs), p50_ms: computePercentile(tookMs, 50), rss_mib };
}

/** Opens a card that needs an approval, and retries while the registry is overloaded. */
async function openWaitingCard(client: RegistryClient, project_id: string): Promise<string> {
  const params = { project_id, name: project_id, owners: [client.actor_id], visibility: "internal" };
  for (;;) {
    const card = await client.openCard({
      office_id: "office::default",
      intent: "bench",
      jobType: "git.registry.init",
      params,
      target: "LAB_512",
    });
    if (card.ok) return card.value.card_id;
    if (card.status !== 429 && card.status !== 503) throw new Refused(card.problem);
    await sleep(AGAIN_MS);
  }
}
