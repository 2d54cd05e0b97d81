import { setTimeout as sleep } from "node:timers/promises";
import type { RegistryClient } from "../src/client/registry-client.js";
import { latencies, percentile, ratio } from "./figures.js";
import { push, pushesOf, tryPush } from "./pushes.js";
import { openBenchRegistry, QUIET_TENANT, registerProject } from "./registry.js";

const WARM_UP = 20;
/** How soon who floods asks again, whatever `Retry-After` says: it is not polite. */
const AGAIN_MS = 1_000;
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
    for (let n = 0; n < PROJECTS; n += 1) await registerProject(registry, `P.loud-${n}`);
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
    const flood = startFlood(loud, options.lanes);
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

/** Pushes in `lanes` at once until it is stopped. */
function startFlood(client: RegistryClient, lanes: number) {
  let isOver = false;
  let refused = 0;
  const took_ms: number[] = [];
  const started = performance.now();
  const running = Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const pushes = pushesOf(`P.loud-${lane % PROJECTS}`, `review/lane-${lane}`);
      for (let next = pushes.next().value; !isOver; ) {
        const pushed = await tryPush(client, next);
        if (pushed.done) {
          took_ms.push(pushed.took_ms);
          next = pushes.next().value;
        } else {
          refused += 1;
          await sleep(AGAIN_MS);
        }
      }
    }),
  );
  return {
    async stop() {
      isOver = true;
      const elapsed_s = (performance.now() - started) / 1000;
      await running;
      return { pushes_per_s: Math.round((took_ms.length / elapsed_s) * 10) / 10, refused, ...latencies(took_ms) };
    },
  };
}
