/**
 * Loaded by every Node process of a test run. A built process starts from its twin (see compile-processes.ts), whose compiled code the first
 * process of its kind keeps for the others: compiling is a third of what a start costs.
 */
const { existsSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { basename, dirname, join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { constants, Script } = require("node:vm");

/** By then a process has run most of the functions that its kind needs. */
const KEPT_AFTER_MS = 5_000;

const runMain = Module.runMain;
Module.runMain = (main) => {
  const folder = dirname(main ?? "");
  const twin = join(folder, "..", "test-processes", "twins", basename(folder), basename(main ?? "", ".js"));
  if (existsSync(`${twin}.cjs`)) runTwin(twin, main);
  else runMain(main);
};

/** Runs `<twin>.cjs` as if it were the module `main`. */
function runTwin(twin, main) {
  const kept = `${twin}.code`;
  const cachedData = existsSync(kept) ? readFileSync(kept) : undefined;
  // The twin is ASCII, which this reads without decoding it.
  const script = new Script(readFileSync(`${twin}.cjs`, "latin1"), {
    filename: `${twin}.cjs`,
    cachedData,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  // Code that this process rejects, as its flags differ, suits the others.
  if (cachedData === undefined) keepCode(script, kept);
  script.runInThisContext()(Module.createRequire(main), { exports: {} }, pathToFileURL(main).href);
}

function keepCode(script, kept) {
  const keep = () => {
    process.off("exit", keep);
    if (existsSync(kept)) return;
    const unfinished = `${kept}.${process.pid}`;
    try {
      writeFileSync(unfinished, script.createCachedData());
      renameSync(unfinished, kept);
    } catch {
      // A process that may not write here, or that outlives the build, is no worse: the next one keeps the code.
    }
  };
  process.on("exit", keep);
  setTimeout(keep, KEPT_AFTER_MS).unref();
}
