import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { computeRatio, summarizeLatencies } from "./figures.js";
import { readUsage, type Usage } from "./process-usage.js";
import { generatePushes, timePush } from "./pushes.js";
import { type BenchRegistry, openBenchRegistry, registerProject } from "./registry.js";

const LANES = 4;
const WARM_UP_MS = 20_000;
const SAMPLES = 60;
const DRAIN_MAX_MS = 60_000;

/** Runs a steady load for minutes. Reports resident memory and open files by process over time, and the workflows left at the end. */
export async function measureSoak(options: { minutes: number }, log: (line: string) => void): Promise<Record<string, unknown>> {
  const registry = await openBenchRegistry(log);
  const connection = await Connection.connect({ address: registry.temporal.address });
  const temporal = new Client({ connection, namespace: registry.temporal.namespace });
  try {
    const projects = Array.from({ length: LANES }, (_, n) => `P.soak-${n}`);
    for (const project of projects) await registerProject(registry, project);
    const tookMs: number[] = [];
    let isOver = false;
    const lanes = projects.map(async (project) => {
      const pushes = generatePushes(project, "review/soak");
      while (!isOver) tookMs.push(await timePush(registry.admin, pushes.next().value));
    });
    const samples = await collectSamples(registry, options.minutes * 60_000, log);
    isOver = true;
    await Promise.all(lanes);
    const left = await waitUntilDrained(temporal);
    const names = Object.keys(samples[0] ?? {});
    return {
      minutes: options.minutes,
      lanes: LANES,
      pushes: tookMs.length,
      first_quarter: summarizeLatencies(tookMs.slice(0, Math.ceil(tookMs.length / 4))),
      last_quarter: summarizeLatencies(tookMs.slice(-Math.ceil(tookMs.length / 4))),
      rss_mib: toSeries(samples, names, "rss_mib"),
      open_files: toSeries(samples, names, "open_files"),
      rss_ratio: Object.fromEntries(names.map((name) => [name, computeLastToFirst(samples, name, "rss_mib")])),
      open_files_ratio: Object.fromEntries(names.map((name) => [name, computeLastToFirst(samples, name, "open_files")])),
      workflows_left: left,
      targets: { workflows_left: 0 },
    };
  } finally {
    await connection.close();
    await registry.close();
  }
}

async function collectSamples(registry: BenchRegistry, durationMs: number, log: (line: string) => void): Promise<Record<string, Usage>[]> {
  log(`${WARM_UP_MS / 1000} s to warm up, then ${durationMs / 60_000} minutes`);
  await sleep(WARM_UP_MS);
  const samples = [readUsage(registry.roots())];
  for (let n = 0; n < SAMPLES; n += 1) {
    await sleep(durationMs / SAMPLES);
    samples.push(readUsage(registry.roots()));
  }
  return samples;
}

type Counted = "rss_mib" | "open_files";

/** Reduces the samples to ten over time, by process. */
function toSeries(samples: readonly Record<string, Usage>[], names: readonly string[], what: Counted): Record<string, number[]> {
  const step = Math.max(1, Math.floor(samples.length / 10));
  return Object.fromEntries(
    names.map((name) => [name, samples.filter((_, n) => n % step === 0).map((sample) => sample[name]?.[what] ?? Number.NaN)]),
  );
}

/** Divides the mean of the last quarter by that of the second, since the first quarter fills caches. */
function computeLastToFirst(samples: readonly Record<string, Usage>[], name: string, what: Counted): number {
  const quarter = Math.floor(samples.length / 4);
  const computeMean = (some: readonly Record<string, Usage>[]) =>
    some.reduce((sum, one) => sum + (one[name]?.[what] ?? 0), 0) / some.length;
  return computeRatio(computeMean(samples.slice(-quarter)), computeMean(samples.slice(quarter, 2 * quarter)));
}

async function countRunningFlows(temporal: Client): Promise<number> {
  return (await temporal.workflow.count('WorkflowType="officialAct" AND ExecutionStatus="Running"')).count;
}

/** Waits until no official act runs. Returns the number still running at the limit. Temporal's visibility lags. */
async function waitUntilDrained(temporal: Client): Promise<number> {
  const deadline = performance.now() + DRAIN_MAX_MS;
  for (;;) {
    const left = await countRunningFlows(temporal);
    if (left === 0 || performance.now() > deadline) return left;
    await sleep(500);
  }
}
