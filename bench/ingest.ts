import { spawnSync } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { computePercentile } from "./figures.js";
import { addCommit, buildLargeHistory } from "./large-history.js";
import { pushHistory } from "./push-history.js";
import { openBenchRegistry, registerProject } from "./registry.js";

function runGit(folder: string, ...args: string[]): void {
  const { status, stderr } = spawnSync("git", args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")} failed: ${stderr}`);
}

/**
 * Measures the push of a 40 MB history of 30,000 objects by bundle through the registry (staging, permit, command, receipt), in turn with
 * `git push` of the same history into a bare repository. Reports the ratio of each pair.
 */
export async function measureIngest(options: { rounds: number }, log: (line: string) => void): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-ingest-"));
  const registry = await openBenchRegistry(log);
  try {
    log("making the history");
    const source = join(folder, "source");
    const made = buildLargeHistory(source);
    const ours: number[] = [];
    const peer: number[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      const project_id = `P.ingest-${round}`;
      // Each round has other bytes, since staged bytes would not be stored again.
      addCommit(source, round);
      await registerProject(registry, project_id);
      ours.push(await timeRegistryPush(registry, project_id, source, join(folder, "push.bundle")));
      peer.push(timeGitPush(source, join(folder, `peer-${round}.git`)));
      log(`round ${round + 1}: ours ${Math.round(ours.at(-1) ?? 0)} ms, git push ${Math.round(peer.at(-1) ?? 0)} ms`);
    }
    const ratios = ours.map((value, n) => value / (peer[n] ?? Number.NaN));
    const bundleBytes = (await stat(join(folder, "push.bundle"))).size;
    return {
      history: { ...made, bundle_mb: Math.round(bundleBytes / 1e5) / 10 },
      ours_p50_ms: computePercentile(ours, 50),
      git_push_p50_ms: computePercentile(peer, 50),
      ratio_p50:
        Math.round(
          computePercentile(
            ratios.map((r) => r * 100),
            50,
          ),
        ) / 100,
      ratios: ratios.map((ratio) => Math.round(ratio * 100) / 100),
      targets: { ratio: 2 },
    };
  } finally {
    await registry.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function timeRegistryPush(
  registry: Awaited<ReturnType<typeof openBenchRegistry>>,
  project_id: string,
  source: string,
  bundlePath: string,
): Promise<number> {
  const started = performance.now();
  await pushHistory(registry.admin, { project_id, branch: "feature/history", folder: source, bundlePath });
  return performance.now() - started;
}

function timeGitPush(source: string, target: string): number {
  runGit(source, "init", "--quiet", "--bare", target);
  const started = performance.now();
  // The same checks as the registry's.
  runGit(
    source,
    "-c",
    "transfer.fsckObjects=true",
    "push",
    "--quiet",
    `--receive-pack=git -c receive.fsckObjects=true receive-pack`,
    target,
    "main:refs/heads/feature/history",
  );
  return performance.now() - started;
}
