import { inLanes, latencies } from "./figures.js";
import { type Usage, usageOf } from "./process-usage.js";
import { lane, push } from "./pushes.js";
import { openBenchRegistry, registerProject } from "./registry.js";

/**
 * An L2 push of one commit through the api, from the request for the permit to the receipt: alone, and in `concurrency` lanes (each its
 * own project), with CPU for each flow by process and resident memory.
 */
export async function flow(
  options: { pushes: number; concurrency: number },
  log: (line: string) => void,
): Promise<Record<string, unknown>> {
  const registry = await openBenchRegistry(log);
  try {
    const projects = Array.from({ length: options.concurrency }, (_, n) => `P.bench-${n}`);
    await inLanes([projects], (project) => registerProject(registry, project));
    log("alone: 20 pushes to warm up, then 200 measured");
    const alone: number[] = [];
    await inLanes([lane("P.bench-0", "review/warm", 20)], async (one) => void (await push(registry.admin, one)));
    await inLanes([lane("P.bench-0", "review/alone", 200)], async (one) => void alone.push(await push(registry.admin, one)));
    log(`concurrency ${options.concurrency}: ${options.pushes} pushes`);
    const lanes = projects.map((project) => lane(project, "review/lane", Math.ceil(options.pushes / projects.length)));
    const before = usageOf(registry.roots());
    const memory: Record<string, Usage>[] = [];
    const together: number[] = [];
    const started = performance.now();
    await inLanes(lanes, async (one) => {
      together.push(await push(registry.admin, one));
      if (together.length % 1000 === 0) memory.push(usageOf(registry.roots()));
    });
    const elapsed_s = (performance.now() - started) / 1000;
    const after = usageOf(registry.roots());
    const names = Object.keys(after);
    return {
      alone: latencies(alone),
      together: {
        concurrency: options.concurrency,
        pushes: together.length,
        ...latencies(together),
        flows_per_s: Math.round((together.length / elapsed_s) * 10) / 10,
      },
      cpu_ms_per_flow: Object.fromEntries(
        names.map((name) => [name, Math.round((((after[name]?.cpu_ms ?? 0) - (before[name]?.cpu_ms ?? 0)) / together.length) * 10) / 10]),
      ),
      rss_peak_mib: Object.fromEntries(names.map((name) => [name, after[name]?.rss_peak_mib])),
      rss_mib_each_1000: memory.map((usage) => Object.fromEntries(names.map((name) => [name, usage[name]?.rss_mib]))),
      targets: { alone_p50_ms: 90, flows_per_s: 25, rss_peak_mib: 350 },
    };
  } finally {
    await registry.close();
  }
}
