import { startBareFlows } from "./bare-flow/start.js";
import { computeRatio, runInLanes, summarizeLatencies } from "./figures.js";
import { readUsage, type Usage } from "./process-usage.js";
import { buildLane, timePush } from "./pushes.js";
import { openBenchRegistry, registerProject } from "./registry.js";

const ALONE = 200;
const WARM_UP = 20;
const ROUNDS = 5;

/** The durations of one kind of flow, alone and in lanes. */
class Figures {
  readonly alone: number[] = [];
  readonly together: number[] = [];
  elapsedS = 0;
  readonly cpu_ms: Record<string, number> = {};

  constructor(private readonly countUsage: () => Record<string, Usage>) {}

  /** Measures one round in lanes with its CPU usage. */
  async measureRound(round: () => Promise<void>): Promise<void> {
    const before = this.countUsage();
    const started = performance.now();
    await round();
    this.elapsedS += (performance.now() - started) / 1000;
    for (const [name, { cpu_ms }] of Object.entries(this.countUsage()))
      this.cpu_ms[name] = (this.cpu_ms[name] ?? 0) + cpu_ms - (before[name]?.cpu_ms ?? 0);
  }

  summarize() {
    const perFlow = (ms: number) => Math.round((ms / this.together.length) * 10) / 10;
    return {
      alone: summarizeLatencies(this.alone),
      together: {
        flows: this.together.length,
        ...summarizeLatencies(this.together),
        flows_per_s: Math.round((this.together.length / this.elapsedS) * 10) / 10,
      },
      cpu_ms_per_flow: Object.fromEntries(Object.entries(this.cpu_ms).map(([name, ms]) => [name, perFlow(ms)])),
      cpu_ms_per_flow_of_all: perFlow(Object.values(this.cpu_ms).reduce((sum, ms) => sum + ms, 0)),
    };
  }
}

/**
 * Measures an L2 push of one commit through the api, from the permit request to the receipt, in turn with a bare flow of the same shape: an
 * update-with-start that waits for two transactions and seven store requests. Both run alone and in `concurrency` lanes, each push lane
 * with its own project. Reports the CPU of each flow by process and the resident memory.
 */
export async function measureFlow(
  options: { pushes: number; concurrency: number },
  log: (line: string) => void,
): Promise<Record<string, unknown>> {
  const registry = await openBenchRegistry(log);
  const bareFlows = await startBareFlows(registry);
  try {
    const projects = Array.from({ length: options.concurrency }, (_, n) => `P.bench-${n}`);
    await runInLanes([projects], (project) => registerProject(registry, project));
    const countUsage = () => readUsage(registry.roots());
    const [pushed, bare] = [new Figures(countUsage), new Figures(countUsage)];

    log(`alone: ${WARM_UP} pushes and bare flows to warm up, then ${ALONE} of each by turns`);
    await runInLanes([buildLane("P.bench-0", "review/warm", WARM_UP)], async (one) => {
      await timePush(registry.admin, one);
      await bareFlows.run();
    });
    await runInLanes([buildLane("P.bench-0", "review/alone", ALONE)], async (one) => {
      pushed.alone.push(await timePush(registry.admin, one));
      bare.alone.push(await bareFlows.run());
    });

    log(`concurrency ${options.concurrency}: ${options.pushes} pushes and as many bare flows, in ${ROUNDS} rounds by turns`);
    const lanes = projects.map((project) => buildLane(project, "review/lane", Math.ceil(options.pushes / projects.length)));
    const memory: Record<string, Usage>[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const parts = lanes.map((all) => all.slice((round * all.length) / ROUNDS, ((round + 1) * all.length) / ROUNDS));
      await pushed.measureRound(() =>
        runInLanes(parts, async (one) => {
          pushed.together.push(await timePush(registry.admin, one));
          if (pushed.together.length % 1000 === 0) memory.push(countUsage());
        }),
      );
      await bare.measureRound(() => runInLanes(parts, async () => void bare.together.push(await bareFlows.run())));
    }
    const [of_push, of_bare] = [pushed.summarize(), bare.summarize()];
    const usage = Object.entries(countUsage());
    return {
      concurrency: options.concurrency,
      push: of_push,
      bare: of_bare,
      push_beside_bare: {
        alone_p50: computeRatio(of_push.alone.p50_ms, of_bare.alone.p50_ms),
        flows_per_s: computeRatio(of_push.together.flows_per_s, of_bare.together.flows_per_s),
        cpu: computeRatio(of_push.cpu_ms_per_flow_of_all, of_bare.cpu_ms_per_flow_of_all),
      },
      rss_peak_mib: Object.fromEntries(usage.map(([name, { rss_peak_mib }]) => [name, rss_peak_mib])),
      rss_mib_each_1000: memory.map((each) => Object.fromEntries(Object.entries(each).map(([name, { rss_mib }]) => [name, rss_mib]))),
      targets: { alone_p50_ms: 90, flows_per_s: 25, rss_peak_mib: 350 },
    };
  } finally {
    await bareFlows.close();
    await registry.close();
  }
}
