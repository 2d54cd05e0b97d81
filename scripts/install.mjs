/** Installs the dependencies if they differ from package-lock.json. Plain Node, no dependency. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { takeLock } from "./lock.mjs";

const TICK_MS = 5_000;

/** Runs `npm ci` in `root` if needed, in one process at a time. Throws with a message for a person. */
export async function ensureInstalled(root) {
  const wanted = wantedStamp(root);
  if (isInstalled(root, wanted)) return;
  mkdirSync(join(root, ".ogr"), { recursive: true });
  const release = await takeLock(join(root, ".ogr", "install.lock"), (pid) => {
    console.error(`process ${pid} is installing the dependencies: waiting for it`);
  });
  try {
    // The previous holder of the lock may have installed them.
    if (isInstalled(root, wanted)) return;
    if (!matchesLockFile(root)) await npmCi(root);
    writeFileSync(stampPath(root), wanted);
  } finally {
    release();
  }
}

const stampPath = (root) => join(root, "node_modules", ".ogr-stamp");

function wantedStamp(root) {
  const lockFile = readFileSync(join(root, "package-lock.json"));
  return `${createHash("sha256").update(lockFile).digest("hex")} ${process.platform}-${process.arch}`;
}

function isInstalled(root, wanted) {
  return existsSync(stampPath(root)) && readFileSync(stampPath(root), "utf8") === wanted;
}

/** Compares npm's own record, since an `npm ci` by hand writes no stamp. npm writes the record last. */
function matchesLockFile(root) {
  const record = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, "utf8")).packages;
  const locked = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(locked).every(([path, { version, integrity, optional, devOptional }]) => {
    const found = installed[path];
    if (path === "") return true;
    // Packages for other platforms are not installed.
    if (found === undefined) return optional === true || devOptional === true;
    return found.version === version && found.integrity === integrity;
  });
}

async function npmCi(root) {
  const logPath = join(root, ".ogr", "install.log");
  const startedAt = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1_000)} s`;
  console.error("installing the dependencies (npm ci) …");
  const tick = () => console.error(`installing the dependencies … ${seconds()}`);
  const ticker = process.stderr.isTTY ? setInterval(tick, TICK_MS) : undefined;
  try {
    const code = await run(root, logPath);
    if (code !== 0) {
      const lines = readFileSync(logPath, "utf8").trimEnd().split("\n");
      const errors = lines.filter((line) => line.startsWith("npm error"));
      const shown = (errors.length > 0 ? errors : lines.slice(-12)).slice(0, 12).join("\n");
      throw new Error(`npm ci failed (${code}); its output is in ${logPath}:\n${shown}`);
    }
  } finally {
    clearInterval(ticker);
  }
  console.error(`installing the dependencies: done in ${seconds()}`);
}

function run(root, logPath) {
  // Under `npm run` this variable is the path of the user's npm.
  const npm = process.env.npm_execpath;
  const [command, ...before] = npm?.endsWith(".js") ? [process.execPath, npm] : ["npm"];
  const log = createWriteStream(logPath);
  return new Promise((resolve, reject) => {
    const args = [...before, "ci", "--include=dev", "--no-audit", "--no-fund"];
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const end = () => child.kill("SIGTERM");
    process.once("exit", end);
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once("error", (error) => reject(new Error(`npm cannot be started (${error.message}): is it on PATH?`)));
    child.once("close", (code, signal) => {
      process.removeListener("exit", end);
      log.end(() => resolve(code ?? signal));
    });
  });
}
