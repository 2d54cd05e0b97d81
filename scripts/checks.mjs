/** Runs what `npm test` runs: the static checks and the tests. Prints the tally. Plain Node, no dependency. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runNode } from "./child.mjs";

/** The checks run in parallel, each only if its configuration exists. */
const checks = [
  { name: "types (tsc)", configs: ["tsconfig.json"], args: ["typescript/bin/tsc", "--noEmit", "-p", "."] },
  { name: "format and lint (biome)", configs: ["biome.json", "biome.jsonc"], args: ["@biomejs/biome/bin/biome", "ci", "."] },
  {
    name: "layers (dependency-cruiser)",
    configs: [".dependency-cruiser.cjs", ".dependency-cruiser.mjs", ".dependency-cruiser.js"],
    args: (config) => ["dependency-cruiser/bin/dependency-cruise.mjs", "--config", config, "src"],
  },
  { name: "dead code (knip)", configs: ["knip.json"], args: ["knip/bin/knip.js"] },
  // Code that only tests use is dead: with --production only the entries with a `!` in knip.json count.
  { name: "code that only tests use (knip)", configs: ["knip.json"], args: ["knip/bin/knip.js", "--production"] },
];

/**
 * Runs the checks and then vitest. Arguments (a file, `-t name`) go to vitest, and skip the checks. The last line
 * printed is the tally. Returns the exit code.
 */
export async function checkAndTest(root, args) {
  const sound = args.length > 0 || (await runChecks(root));
  const code = await test(root, args, sound ? undefined : "A check before the tests failed, see above.");
  return code !== 0 ? code : sound ? 0 : 1;
}

/** Runs vitest with these arguments, and prints the notice, if any, and the tally. Returns the exit code. */
export async function test(root, args, notice) {
  const report = join(root, ".ogr", `vitest-${process.pid}.json`);
  mkdirSync(join(root, ".ogr"), { recursive: true });
  const reporters = [
    "--reporter=default",
    `--reporter=${join(root, "scripts", "slowest-files.mjs")}`,
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const { code } = await runNode([vitest, "run", ...reporters, ...args], { cwd: root, shown: true });
  const results = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined;
  rmSync(report, { force: true });
  if (notice !== undefined) console.log(notice);
  const { passed, failed, skipped } = tally(results, code);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return code !== 0 ? code : failed === 0 ? 0 : 1;
}

async function runChecks(root) {
  const passed = await Promise.all(checks.map((check) => runCheck(root, check)));
  return passed.every(Boolean);
}

/** Prints whether the check passes, and its output if it fails. A check without its configuration passes. */
async function runCheck(root, { name, configs, args }) {
  const config = configs.find((file) => existsSync(join(root, file)));
  if (config === undefined) return true;
  const [program, ...rest] = typeof args === "function" ? args(config) : args;
  const startedAt = Date.now();
  const { code, output, interrupted } = await runNode([join(root, "node_modules", program), ...rest], { cwd: root, shown: false });
  if (interrupted) process.exit(code);
  console.log(`${name}: ${code === 0 ? "passed" : "FAILED"} (${((Date.now() - startedAt) / 1_000).toFixed(1)} s)`);
  if (code !== 0) console.log(output.trimEnd());
  return code === 0;
}

/** A file that could not be loaded has no test in the report and counts as one failed test. */
function tally(results, code) {
  if (results === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = results;
  const notLoaded = testResults.filter(({ status, assertionResults }) => status === "failed" && assertionResults.length === 0);
  const failed = numFailedTests + notLoaded.length;
  return { passed: numPassedTests, failed: code !== 0 && failed === 0 ? 1 : failed, skipped: numPendingTests + (numTodoTests ?? 0) };
}
