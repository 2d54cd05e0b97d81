import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Operator } from "./operator.js";
import { buildRepoEntry, formatRegistryOfOrgs } from "./samples.js";

// Each command is a process, which can take long on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const operators: Operator[] = [];
afterEach(() => {
  for (const operator of operators.splice(0)) operator.remove();
});

const COMMANDS = [
  ["register", "acme/site", "--context", "sandbox", "--reason", "A trial"],
  ["disable", "acme/site", "--reason", "Over"],
  ["enable", "acme/site", "--reason", "Again"],
  ["unregister", "acme/site", "--confirm-delete", "--reason", "Moved"],
  ["register", "acme/site", "--context", "nowhere"],
];

const NETWORK_COMMANDS = ["fetch", "pull", "push", "clone", "ls-remote", "remote-https", "submodule", "send-pack", "fetch-pack", "archive"];

function createOperatorOnBranch(): Operator {
  const made = new Operator(formatRegistryOfOrgs({ acme: { telemetry_repo: "acme/telemetry", repos: { shop: buildRepoEntry() } } }));
  operators.push(made);
  made.clone.git("switch", "-q", "-c", "infra/change");
  return made;
}

/** Makes every Node process with this environment fail at a connection or a lookup and log it. */
function installNodeGuard(made: Operator): { env: Record<string, string>; attempts(): string[] } {
  const log = join(made.folder, "network.log");
  const guard = join(made.folder, "guard.mjs");
  writeFileSync(log, "");
  writeFileSync(
    guard,
    `import { appendFileSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
const require = createRequire(import.meta.url);
const stop = (what) => { appendFileSync(${JSON.stringify(log)}, what + "\\n"); throw new Error("no network here: " + what); };
const net = require("node:net"), dns = require("node:dns"), dgram = require("node:dgram");
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const [first] = args.flat();
  // Unix sockets are allowed.
  if (typeof first === "string" ? first.startsWith("/") : first?.path !== undefined) return connect.apply(this, args);
  return stop("connect " + JSON.stringify(first));
};
for (const name of Object.keys(dns)) if (/^(lookup|resolve|reverse)/.test(name)) dns[name] = () => stop("dns " + name);
for (const name of Object.keys(dns.promises)) if (/^(lookup|resolve|reverse)/.test(name)) dns.promises[name] = async () => stop("dns " + name);
dgram.createSocket = () => stop("dgram");
globalThis.fetch = async (url) => stop("fetch " + url);
syncBuiltinESMExports();
`,
  );
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(guard).href}` };
  return {
    env,
    attempts: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
  };
}

/** Records every call of git through PATH and runs the real git. */
function recordGitCalls(made: Operator): () => string[] {
  const real = execFileSync("/bin/sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
  const { listCalls: calls } = made.intercept(
    "git",
    `const { status } = require("node:child_process").spawnSync(${JSON.stringify(real)}, process.argv.slice(2), { stdio: "inherit" }); process.exit(status ?? 1);`,
  );
  return () => calls().map((words) => words.filter((word, at) => !word.startsWith("-") && words[at - 1] !== "-c")[0] ?? "");
}

describe("infra.sh opens no network connection", () => {
  it("neither itself nor through git, with any command", async () => {
    const made = createOperatorOnBranch();
    const guard = installNodeGuard(made);
    const asked = recordGitCalls(made);
    const codes = [];
    for (const args of COMMANDS) codes.push((await made.runAsProcess("infra.sh", args, guard.env)).code);
    expect(codes).toEqual([0, 0, 0, 0, 2]);
    expect(guard.attempts()).toEqual([]);
    expect(asked().length).toBeGreaterThan(0);
    expect(asked().filter((command) => NETWORK_COMMANDS.includes(command))).toEqual([]);
  });

  it("according to guards that detect the connections of other scripts", async () => {
    const made = createOperatorOnBranch();
    const guard = installNodeGuard(made);
    const asked = recordGitCalls(made);
    made.clone.git("switch", "-q", "main");
    await made.runAsProcess("helpers/new-branch.sh", ["infra/other"], guard.env);
    expect(asked()).toContain("ls-remote");
    await made.program("ogr", ["project", "list", "--server", "http://127.0.0.1:9", "--token", "x"], guard.env);
    expect(guard.attempts().length).toBeGreaterThan(0);
  });

  const tracer = canTrace();
  it.runIf(tracer)("according to a trace of its system calls and those of its children", async () => {
    const made = createOperatorOnBranch();
    const log = join(made.folder, "calls.log");
    const traced = [
      "-f",
      "-qq",
      "-e",
      "trace=socket,connect,sendto,sendmsg,bind",
      "-e",
      "signal=none",
      "-o",
      log,
      join(made.scripts, "infra.sh"),
    ];
    expect(await made.program("strace", [...traced, ...(COMMANDS[0] ?? [])], {})).toMatchObject({ code: 0 });
    const calls = readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => /AF_INET|AF_INET6|AF_PACKET/.test(line));
    expect(calls).toEqual([]);
  });
});

function canTrace(): boolean {
  try {
    execFileSync("strace", ["-qq", "-o", "/dev/null", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
