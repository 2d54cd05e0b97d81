import { setTimeout as sleep } from "node:timers/promises";
import { latencies, percentile, ratio } from "./figures.js";
import { startFlood } from "./flood.js";
import { push, pushesOf } from "./pushes.js";
import { openBenchRegistry, QUIET_TENANT, registerProject } from "./registry.js";

const WARM_UP = 20;
const PROJECTS = 16;

/** One tenant pushes alone, one push after the other; then the same while another tenant floods. */
export async function tenants(
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
    const own = pushesOf("P.quiet", "review/quiet");
    const series = async (count: number): Promise<number[]> => {
      const took_ms: number[] = [];
      for (let n = 0; n < count; n += 1) took_ms.push(await push(quiet, own.next().value));
      return took_ms;
    };
    await series(WARM_UP);
    log(`alone: ${options.pushes} pushes`);
    const alone = await series(options.pushes);
    log(`the same beside a tenant with ${options.lanes} lanes`);
    const flood = startFlood({
      ...loud.connection,
      tenant_id: loud.tenant_id,
      actor_id: loud.actor_id,
      project_ids: loudProjects,
      lanes: options.lanes,
    });
    await sleep(3_000);
    const beside = await series(options.pushes);
    const loudly = await flood.stop();
    return {
      lanes: options.lanes,
      settings: options.settings,
      pushes: options.pushes,
      alone: latencies(alone),
      beside: latencies(beside),
      ratio_p95: ratio(percentile(beside, 95), percentile(alone, 95)),
      flood: loudly,
      targets: { ratio_p95: 2 },
    };
  } finally {
    await registry.close();
  }
}
