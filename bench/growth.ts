import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serialisePackedRefs } from "../src/repository/refs/packed-refs.js";
import { readRefs } from "../src/repository/refs/refs-state.js";
import { toRepositoryKeys } from "../src/repository/repository-key.js";
import type { ObjectStore } from "../src/storage/ports.js";
import { computePercentile, computeRatio, summarizeLatencies } from "./figures.js";
import { buildLinearHistory } from "./linear-history.js";
import { pushHistory } from "./push-history.js";
import { generatePushes, type Push, timePush } from "./pushes.js";
import { openBenchRegistry, registerProject } from "./registry.js";

const TENANT = "T.UBL";
const WARM_UP = 10;
const HISTORY_BRANCH = "feature/history";

interface Size {
  readonly commits: number;
  readonly refs: number;
}

/**
 * Measures the same one-commit push into warm repositories of growing history and of growing numbers of refs, in turn, so that disturbances
 * of the machine affect all of them. The histories are pushed as bundles, and the refs are written directly to the store.
 */
export async function measureGrowth(
  options: { commits: readonly number[]; refs: readonly number[]; pushes: number },
  log: (line: string) => void,
): Promise<Record<string, unknown>> {
  const [fewest = 10] = options.commits;
  const [least = 10, ...moreRefs] = options.refs;
  const sizes: Size[] = [
    ...options.commits.map((commits) => ({ commits, refs: least })),
    ...moreRefs.map((refs) => ({ commits: fewest, refs })),
  ];
  const folder = await mkdtemp(join(tmpdir(), "ogr-growth-"));
  const registry = await openBenchRegistry(log);
  const store = await registry.openStore();
  try {
    const series: { size: Size; pushes: Generator<Push, never>; tookMs: number[] }[] = [];
    for (const size of sizes) {
      log(`a repository of ${size.commits} commits and ${size.refs} refs`);
      const project_id = `P.growth-${size.commits}-${size.refs}`;
      await registerProject(registry, project_id);
      const source = join(folder, project_id);
      const tip = buildLinearHistory(source, size.commits);
      await pushHistory(registry.admin, { project_id, branch: HISTORY_BRANCH, folder: source, bundlePath: `${source}.bundle` });
      await addRefs(store, project_id, tip, size.refs - 1);
      series.push({ size, pushes: generatePushes(project_id, "review/bench", tip), tookMs: [] });
    }
    log(`${WARM_UP} pushes each to warm up, then ${options.pushes} each in turn`);
    for (let round = 0; round < WARM_UP + options.pushes; round += 1)
      for (const { pushes, tookMs } of series) {
        const took = await timePush(registry.admin, pushes.next().value);
        if (round >= WARM_UP) tookMs.push(took);
      }
    const computeP50 = (commits: number, refs: number) =>
      computePercentile(series.find(({ size }) => size.commits === commits && size.refs === refs)?.tookMs ?? [], 50);
    const [most = fewest, mostRefs = least] = [options.commits.at(-1), options.refs.at(-1)];
    return {
      pushes_each: options.pushes,
      repositories: series.map(({ size, tookMs }) => ({ ...size, ...summarizeLatencies(tookMs) })),
      commits_ratio_p50: computeRatio(computeP50(most, least), computeP50(fewest, least)),
      refs_ratio_p50: computeRatio(computeP50(fewest, mostRefs), computeP50(fewest, least)),
      targets: { ratio: 1.3 },
    };
  } finally {
    await store.close();
    await registry.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Adds refs to one commit directly in the store, which is faster than thousands of pushes. */
async function addRefs(store: ObjectStore, project_id: string, tip: string, count: number): Promise<void> {
  const name = { tenant_id: TENANT, project_id };
  const state = await readRefs(store, name);
  if (state === undefined) throw new Error(`${project_id} has no repository.`);
  const refs = new Map(state.refs);
  for (let n = 0; n < count; n += 1) refs.set(`refs/heads/feature/many/n${n}`, { id: tip });
  const { won } = await store.pointers.swap(toRepositoryKeys(name).packedRefs, state.version, serialisePackedRefs(refs));
  if (!won) throw new Error(`The refs of ${project_id} moved meanwhile; run the bench again.`);
}
