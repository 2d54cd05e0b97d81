import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProcessIdentity } from "../../src/process/process-identity.js";
import { Scope } from "../../src/repository/scope.js";
import { createScratch } from "../../src/repository/scratch.js";
import { StockGit } from "../../src/repository/stock-git/stock-git.js";
import { createTemporaryFolder } from "./real-git.js";

describe("stock git", () => {
  const scope = new Scope(createTemporaryFolder("ogr-git-"));
  const git = new StockGit(scope);
  const before = { ...process.env };

  beforeAll(() => {
    // A hostile environment of the user.
    const home = createTemporaryFolder("ogr-home-");
    writeFileSync(join(home, ".gitconfig"), "[user]\n\tname = Mallory\n[core]\n\thooksPath = /nowhere\n[alias]\n\tversion = !false\n");
    Object.assign(process.env, {
      HOME: home,
      GIT_DIR: "/nowhere",
      GIT_INDEX_FILE: "/nowhere/index",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "user.name",
      GIT_CONFIG_VALUE_0: "Mallory",
    });
  });
  afterAll(() => {
    git.close();
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });

  it("has a supported version", async () => {
    expect(await git.requireVersion()).toMatch(/^\d+\.\d+/);
  });

  it("ignores the user's configuration and environment", async () => {
    const { gitDir } = createScratch(scope, scope.root);
    const config = (await git.readOutput({ gitDir, args: ["config", "--list"] })).toString("utf8");
    expect(config).not.toContain("Mallory");
    expect((await git.readOutput({ gitDir, args: ["rev-parse", "--git-dir"] })).toString("utf8").trim()).toBe(gitDir);
  });

  it("runs no hook, including those of the repository", async () => {
    const { gitDir } = createScratch(scope, scope.root);
    const proof = join(gitDir, "hook-ran");
    mkdirSync(join(gitDir, "hooks"));
    writeFileSync(join(gitDir, "hooks", "reference-transaction"), `#!/bin/sh\ntouch ${proof}\n`);
    chmodSync(join(gitDir, "hooks", "reference-transaction"), 0o755);
    const blob = (await git.readOutput({ gitDir, args: ["hash-object", "-w", "--stdin"], input: Buffer.from("x") }))
      .toString("utf8")
      .trim();
    await git.readOutput({ gitDir, args: ["update-ref", "refs/tags/x", blob] });
    expect(existsSync(proof)).toBe(false);
  });

  it("refuses every transport protocol", async () => {
    const { gitDir } = createScratch(scope, scope.root);
    const answer = await git.run({ gitDir, args: ["ls-remote", `file://${gitDir}`] });
    expect(answer.code).not.toBe(0);
    expect(answer.stderr).toContain("not allowed");
  });

  it("is stopped when its time is over", async () => {
    await expect(git.run({ args: ["-c", "alias.wait=!sleep 60", "wait"], timeoutMs: 50 })).rejects.toMatchObject({ code: "timed_out" });
  });

  it("is stopped when its output exceeds the limit", async () => {
    const { gitDir } = createScratch(scope, scope.root);
    const call = { gitDir, args: ["hash-object", "-w", "--stdin"], input: Buffer.alloc(100_000, "x") };
    const blob = (await git.readOutput(call)).toString("utf8").trim();
    await expect(git.run({ gitDir, args: ["cat-file", "blob", blob], outputMaxBytes: 1000 })).rejects.toMatchObject({
      code: "output_too_large",
    });
  });

  it("is stopped together with its child processes when the act is cancelled", async () => {
    const controller = new AbortController();
    const started = join(scope.root, "started");
    const run = git.run({ args: ["-c", `alias.wait=!echo $$ > ${started} && exec sleep 60`, "wait"], signal: controller.signal });
    const stopped = expect(run).rejects.toMatchObject({ code: "aborted" });
    const readPid = () => (existsSync(started) ? Number(readFileSync(started, "utf8")) : 0);
    await expect.poll(readPid).toBeGreaterThan(0);
    expect(await readProcessIdentity(readPid())).toBeDefined();
    controller.abort();
    await stopped;
    await expect.poll(() => readProcessIdentity(readPid())).toBeUndefined();
  });

  it("does not start for a cancelled act", async () => {
    await expect(git.run({ args: ["--version"], signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
  });

  it("refuses a repository outside the scope", async () => {
    await expect(git.run({ gitDir: tmpdir(), args: ["rev-parse", "HEAD"] })).rejects.toMatchObject({ code: "outside_scope" });
  });

  it("reads a file from a given offset", async () => {
    const path = join(scope.root, "input");
    writeFileSync(path, `${"h".repeat(100_000)}hello\n`);
    expect((await git.readOutput({ args: ["stripspace"], input: { path, offsetBytes: 100_000 } })).toString("utf8")).toBe("hello\n");
  });

  it("still runs after the process that starts it was lost", async () => {
    await git.run({ args: ["--version"] });
    for (const pid of listLaunchers()) process.kill(pid, "SIGKILL");
    const run = () =>
      git.run({ args: ["--version"] }).then(
        ({ code }) => code,
        () => undefined,
      );
    await expect.poll(run).toBe(0);
  });

  it("is started by one process for all tenants, which stays until the last of them closes", async () => {
    const other = new StockGit(new Scope(createTemporaryFolder("ogr-other-")));
    await Promise.all([git.run({ args: ["--version"] }), other.run({ args: ["--version"] })]);
    expect(listLaunchers()).toHaveLength(1);
    other.close();
    other.close();
    expect((await git.run({ args: ["--version"] })).code).toBe(0);
    await expect(other.run({ args: ["--version"] })).rejects.toThrow("starts no more git");
  });
});

/** The processes of this one that start git. */
function listLaunchers(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("launcher.mjs"));
}
