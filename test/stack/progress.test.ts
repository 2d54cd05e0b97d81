import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Log, withProgress } from "../../src/stack/progress.js";

const BUILD_MS = 6 * 60_000;

/** Logs a build of six minutes. */
async function logBuild(isTerminal: boolean): Promise<string[]> {
  const lines: string[] = [];
  const log: Log = Object.assign((line: string) => void lines.push(line), { isTerminal });
  const done = withProgress(log, "building minio", () => new Promise((resolve) => setTimeout(resolve, BUILD_MS)));
  await vi.advanceTimersByTimeAsync(BUILD_MS);
  await done;
  return lines;
}

describe("a long task", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("logs one line at its start and one at its end without a terminal", async () => {
    expect(await logBuild(false)).toEqual(["building minio …", "building minio: done in 6 min 0 s"]);
  });

  it("logs its progress every few seconds in a terminal", async () => {
    const lines = await logBuild(true);
    expect(lines.length).toBeGreaterThan(60);
    expect(lines).toContain("building minio … 5.0 s");
  });

  it("logs no end and rethrows its error when it fails", async () => {
    const lines: string[] = [];
    const work = withProgress(
      (line) => void lines.push(line),
      "building minio",
      () => Promise.reject(new Error("no compiler")),
    );
    await expect(work).rejects.toThrow("no compiler");
    expect(lines).toEqual(["building minio …"]);
  });
});

it("such as npm ci logs one line at its start and one at its end without a terminal", async () => {
  const root = await mkdtemp(join(tmpdir(), "ogr-install-"));
  try {
    const npm = join(root, "npm.js");
    await writeFile(npm, "require('node:fs').mkdirSync('node_modules'); setTimeout(() => undefined, 5_500);");
    await writeFile(join(root, "package.json"), JSON.stringify({ type: "commonjs" }));
    await writeFile(join(root, "package-lock.json"), JSON.stringify({ packages: {} }));
    const module = pathToFileURL(join(process.cwd(), "scripts", "install.mjs")).href;
    const script = `const { ensureInstalled } = await import(${JSON.stringify(module)}); await ensureInstalled(${JSON.stringify(root)});`;
    const { stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      env: { PATH: process.env.PATH, npm_execpath: npm },
    });
    expect(stderr.trim().split("\n")).toEqual([
      "installing the dependencies (npm ci) …",
      expect.stringMatching(/^installing the dependencies: done in \d+ s$/),
    ]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
