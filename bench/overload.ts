import { setTimeout as sleep } from "node:timers/promises";
import type { RegistryClient } from "../src/client/http/registry-client.js";
import { computePercentile, computeRatio, runInLanes, summarizeLatencies } from "./figures.js";
import { generatePushes, type Push, timePush, tryPush } from "./pushes.js";
import { openBenchRegistry, registerProject } from "./registry.js";

const PROJECTS = 16;
/** The number of branches. More than acts can be running, so that a new push always finds an idle branch. */
const BRANCHES = 256;
const PEAK_LANES = 32;
const TIMES = 3;

interface Branch {
  readonly pushes: Generator<Push, never>;
  next: Push;
}

/**
 * Offers three times the registry's measured peak rate at a fixed rate. Reports how many pushes succeed, how long they take, and how
 * quickly the others are refused. The client runs on the same machine.
 */
export async function measureOverload(
  options: { pushes: number; seconds: number },
  log: (line: string) => void,
): Promise<Record<string, unknown>> {
  const registry = await openBenchRegistry(log);
  try {
    for (let n = 0; n < PROJECTS; n += 1) await registerProject(registry, `P.over-${n}`);
    const branches: Branch[] = Array.from({ length: BRANCHES }, (_, n) => {
      const pushes = generatePushes(`P.over-${n % PROJECTS}`, `review/b${n}`);
      return { pushes, next: pushes.next().value };
    });
    log(`the peak: ${options.pushes} pushes in ${PEAK_LANES} lanes`);
    const peak = await measurePeak(registry.admin, branches, options.pushes);
    log(`offering ${TIMES} times ${peak} a second for ${options.seconds} s`);
    const offered = await offerPushes(registry.admin, branches, TIMES * peak, options.seconds);
    log(`the peak again: ${options.pushes} pushes`);
    const again = await measurePeak(registry.admin, branches, options.pushes);
    return {
      peak_per_s: [peak, again],
      ...offered,
      // Compared with the better of both peaks, since other work may have slowed the machine.
      goodput_ratio: computeRatio(offered.goodput_per_s, Math.max(peak, again)),
      targets: { goodput_ratio: 0.9 },
    };
  } finally {
    await registry.close();
  }
}

async function measurePeak(client: RegistryClient, branches: readonly Branch[], count: number): Promise<number> {
  const lanes = branches.slice(0, PEAK_LANES).map((branch) => Array.from({ length: Math.ceil(count / PEAK_LANES) }, () => branch));
  const pushNext = async (branch: Branch) => {
    await timePush(client, branch.next);
    branch.next = branch.pushes.next().value;
  };
  await runInLanes(
    lanes.map((lane) => lane.slice(0, 3)),
    pushNext,
  );
  const started = performance.now();
  await runInLanes(lanes, pushNext);
  return Math.round((lanes.flat().length / ((performance.now() - started) / 1000)) * 10) / 10;
}

async function offerPushes(client: RegistryClient, branches: readonly Branch[], perS: number, seconds: number) {
  const idle = [...branches];
  const acceptedMs: number[] = [];
  const refusedMs: number[] = [];
  const codes: Record<string, number> = {};
  let inTime = 0;
  const under: Promise<void>[] = [];
  const started = performance.now();
  const end = started + seconds * 1000;
  const pushOne = async (branch: Branch): Promise<void> => {
    const pushed = await tryPush(client, branch.next);
    if (pushed.done) {
      acceptedMs.push(pushed.tookMs);
      if (performance.now() <= end) inTime += 1;
      branch.next = branch.pushes.next().value;
    } else {
      refusedMs.push(pushed.tookMs);
      codes[`${pushed.status} ${pushed.code}`] = (codes[`${pushed.status} ${pushed.code}`] ?? 0) + 1;
    }
    idle.push(branch);
  };
  let offered = 0;
  let lacking = 0;
  while (performance.now() < end) {
    const due = Math.floor(((performance.now() - started) / 1000) * perS);
    for (; offered < due; offered += 1) {
      const branch = idle.shift();
      if (branch === undefined) lacking += 1;
      else under.push(pushOne(branch));
    }
    await sleep(5);
  }
  await Promise.all(under);
  return {
    offered_per_s: Math.round((offered / seconds) * 10) / 10,
    // Arrivals without an idle branch, which were not sent.
    not_sent: lacking,
    // Acts that were accepted and finished within the time. The first acts take a while to finish.
    goodput_per_s: Math.round((inTime / seconds) * 10) / 10,
    accepted: { count: acceptedMs.length, ...summarizeLatencies(acceptedMs) },
    refused: { count: refusedMs.length, p50_ms: computePercentile(refusedMs, 50), p99_ms: computePercentile(refusedMs, 99), codes },
  };
}
