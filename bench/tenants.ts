import { setTimeout as sleep } from "node:timers/promises";
import { computePercentile, computeRatio, summarizeLatencies } from "./figures.js";
import { startFlood } from "./flood.js";
import { generatePushes, timePush } from "./pushes.js";
import { openBenchRegistry, QUIET_TENANT, registerProject } from "./registry.js";

const WARM_UP = 20;
const PROJECTS = 16;

/** Measures one tenant's successive pushes, alone and while another tenant floods. */
export async function measureTenants(
  options: { lanes: number; pushes: number; settings: Readonly<Record<string, string>> },
  log: (line: string) => void,
): Promise<Record<string, unknown>> {
  const registry = await openBenchRegistry(log);
  try {
    const { admin: loud, quiet } = registry;
    for (const process of [registry.processes.api, registry.processes.lab512]) {
      await process.stop();
      await process.start({ env: options.settings });
    }
    await registerProject(registry, "P.quiet", QUIET_TENANT);
    const loudProjects = Array.from({ length: PROJECTS }, (_, n) => `P.loud-${n}`);
    for (const project of loudProjects) await registerProject(registry, project);
    const own = generatePushes("P.quiet", "review/quiet");
    const measureSeries = async (count: number): Promise<number[]> => {
      const tookMs: number[] = [];
      for (let n = 0; n < count; n += 1) tookMs.push(await timePush(quiet, own.next().value));
      return tookMs;
    };
    await measureSeries(WARM_UP);
    log(`alone: ${options.pushes} pushes`);
    const alone = await measureSeries(options.pushes);
    log(`the same beside a tenant with ${options.lanes} lanes`);
    const flood = startFlood({
      ...loud.connection,
      tenant_id: loud.tenant_id,
      actor_id: loud.actor_id,
      project_ids: loudProjects,
      lanes: options.lanes,
    });
    await sleep(3_000);
    const beside = await measureSeries(options.pushes);
    const loudly = await flood.stop();
    return {
      lanes: options.lanes,
      settings: options.settings,
      pushes: options.pushes,
      alone: summarizeLatencies(alone),
      beside: summarizeLatencies(beside),
      ratio_p95: computeRatio(computePercentile(beside, 95), computePercentile(alone, 95)),
      flood: loudly,
      targets: { ratio_p95: 2 },
    };
  } finally {
    await registry.close();
  }
}
