import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { WorkflowBundle } from "@temporalio/worker";

/** `src`, or the folder that scripts/build.mjs built from it. */
const TREE = fileURLToPath(new URL("..", import.meta.url));
const ROOT = join(TREE, "..");
const BUILDER = fileURLToPath(new URL("./build-workflows.main.ts", import.meta.url));

/** Loads the workflows as one bundle; with `traced`, they emit spans. A package contains the bundle; from sources it is built first. */
export async function loadWorkflowBundle(kind: "plain" | "traced"): Promise<WorkflowBundle> {
  const isSource = existsSync(BUILDER);
  // In a separate process, because building takes more memory than a worker ever needs.
  if (isSource && !existsSync(locateKeptBundles()))
    await promisify(execFile)(process.execPath, ["--import", import.meta.resolve("tsx"), BUILDER]);
  return { code: readFileSync(join(isSource ? locateKeptBundles() : TREE, `workflows-${kind}.js`), "utf8") };
}

/**
 * Returns the folder of the bundles built from exactly these sources: the workflows, what they import, and the lock file, which pins the
 * SDK.
 */
export function locateKeptBundles(): string {
  const folders = ["src/workflows", "src/domain"].map((name) => join(ROOT, name));
  const entries = folders.flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }));
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const hash = createHash("sha256");
  for (const file of [join(ROOT, "package-lock.json"), BUILDER, ...files.sort()])
    hash.update(`${file.slice(ROOT.length)}\0`).update(readFileSync(file));
  return join(ROOT, "node_modules", ".cache", "ogr", `workflows-${hash.digest("hex").slice(0, 32)}`);
}
