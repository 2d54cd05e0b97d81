import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { latencies, ratio } from "./figures.js";
import { type Usage, usageOf } from "./process-usage.js";
import { push, pushesOf } from "./pushes.js";
import { type BenchRegistry, openBenchRegistry, registerProject } from "./registry.js";

const LANES = 4;
const WARM_UP_MS = 20_000;
const SAMPLES = 60;
const DRAIN_MAX_MS = 60_000;

/** A steady load for minutes: resident memory and open files by process over time, and the workflows that are left when it ends. */
export async function soak(options: { minutes: number }, log: (line: string) => void): Promise<Record<string, unknown>> {
  const registry = await openBenchRegistry(log);
  const connection = await Connection.connect({ address: registry.temporal.address });
  const temporal = new Client({ connection, namespace: registry.temporal.namespace });
  try {
    const projects = Array.from({ length: LANES }, (_, n) => `P.soak-${n}`);
    for (const project of projects) await registerProject(registry, project);
    const took_ms: number[] = [];
    let isOver = false;
    const lanes = projects.map(async (project) => {
      const pushes = pushesOf(project, "review/soak");
      while (!isOver) took_ms.push(await push(registry.admin, pushes.next().value));
    });
    const samples = await sampled(registry, options.minutes * 60_000, log);
    isOver = true;
    await Promise.all(lanes);
    const left = await drained(temporal);
    const names = Object.keys(samples[0] ?? {});
    return {
      minutes: options.minutes,
      lanes: LANES,
      pushes: took_ms.length,
      first_quarter: latencies(took_ms.slice(0, Math.ceil(took_ms.length / 4))),
      last_quarter: latencies(took_ms.slice(-Math.ceil(took_ms.length / 4))),
      rss_mib: seriesOf(samples, names, "rss_mib"),
      open_files: seriesOf(samples, names, "open_files"),
      rss_ratio: Object.fromEntries(names.map((name) => [name, lastToFirst(samples, name, "rss_mib")])),
      open_files_ratio: Object.fromEntries(names.map((name) => [name, lastToFirst(samples, name, "open_files")])),
      workflows_left: left,
      targets: { workflows_left: 0 },
    };
  } finally {
    await connection.close();
    await registry.close();
  }
}

async function sampled(registry: BenchRegistry, for_ms: number, log: (line: string) => void): Promise<Record<string, Usage>[]> {
  log(`${WARM_UP_MS / 1000} s to warm up, then ${for_ms / 60_000} minutes`);
  await sleep(WARM_UP_MS);
  const samples = [usageOf(registry.roots())];
  for (let n = 0; n < SAMPLES; n += 1) {
    await sleep(for_ms / SAMPLES);
    samples.push(usageOf(registry.roots()));
  }
  return samples;
}

type Counted = "rss_mib" | "open_files";

/** Ten samples over the time, by process. */
function seriesOf(samples: readonly Record<string, Usage>[], names: readonly string[], what: Counted): Record<string, number[]> {
  const step = Math.max(1, Math.floor(samples.length / 10));
  return Object.fromEntries(
    names.map((name) => [name, samples.filter((_, n) => n % step === 0).map((sample) => sample[name]?.[what] ?? Number.NaN)]),
  );
}

/** The mean of the last quarter over that of the second: the first one still fills caches. */
function lastToFirst(samples: readonly Record<string, Usage>[], name: string, what: Counted): number {
  const quarter = Math.floor(samples.length / 4);
  const mean = (some: readonly Record<string, Usage>[]) => some.reduce((sum, one) => sum + (one[name]?.[what] ?? 0), 0) / some.length;
  return ratio(mean(samples.slice(-quarter)), mean(samples.slice(quarter, 2 * quarter)));
}

async function runningFlows(temporal: Client): Promise<number> {
  return (await temporal.workflow.count('WorkflowType="officialAct" AND ExecutionStatus="Running"')).count;
}

/** Official acts that still run once all pushes have their receipts; visibility lags behind by a moment. */
async function drained(temporal: Client): Promise<number> {
  const deadline = performance.now() + DRAIN_MAX_MS;
  for (;;) {
    const left = await runningFlows(temporal);
    if (left === 0 || performance.now() > deadline) return left;
    await sleep(500);
  }
}
