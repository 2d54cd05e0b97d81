/**
 * Runs `npm run demo|dev|test|campaign|bench|faults` after it checks the Node version and installs the dependencies. Plain Node, because it
 * runs before any installation.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [word, ...args] = process.argv.slice(2);
const entries = {
  demo: ["src/cli/main.ts", "demo"],
  dev: ["src/cli/main.ts", "dev"],
  bench: ["bench/main.ts"],
  faults: ["faults/main.ts"],
};

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node 20.19 or newer is needed, and this is ${process.version}: install a newer Node from https://nodejs.org and try again.`);
}
if (!["test", "campaign"].includes(word) && !Object.hasOwn(entries, word ?? ""))
  fail("usage: node scripts/run.mjs demo|dev|test|campaign|bench|faults [ARGUMENT…]");

try {
  process.exit(await run());
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

async function run() {
  // Loaded late, so that an old Node first prints the message above.
  const [{ ensureInstalled }, { checkAndTest, test }, { runNode }] = await Promise.all([
    import("./install.mjs"),
    import("./checks.mjs"),
    import("./child.mjs"),
  ]);
  await ensureInstalled(root);
  if (word === "test") return checkAndTest(root, args);
  if (word === "campaign") {
    process.env.CAMPAIGN = "true";
    return test(root, args);
  }
  const [entry, ...first] = entries[word];
  if (!existsSync(join(root, entry))) fail(`${entry} is missing: this clone is incomplete`);
  const { code } = await runNode(["--import", "tsx", entry, ...first, ...args], { cwd: root, shown: true });
  return code;
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
