import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { WorkflowBundle } from "@temporalio/worker";

const SOURCE = fileURLToPath(new URL("../", import.meta.url));

/**
 * The workflows as one bundle, built from the sources beside this file. Building takes seconds, so a bundle is kept in `cacheFolder`
 * under the hash of everything that can change it. `traced` ones make spans; the others are not touched by it.
 */
export async function loadWorkflowBundle(cacheFolder: string, kind: "plain" | "traced" = "plain"): Promise<WorkflowBundle> {
  const path = join(cacheFolder, `workflows-${hashSources()}${kind === "traced" ? "-traced" : ""}.js`);
  const cached = readFileIfPresent(path);
  if (cached !== undefined) return { code: cached };
  // In a process of its own: building takes more memory than the worker ever will.
  await promisify(execFile)(process.execPath, [
    ...buildLoaderArguments(),
    fileURLToPath(new URL(`./build-workflows.main${findSourceExtension()}`, import.meta.url)),
    path,
    kind,
  ]);
  return { code: readFileSync(path, "utf8") };
}

/** What lets Node run these sources, as they are or built. */
function buildLoaderArguments(): string[] {
  return findSourceExtension() === ".ts" ? ["--import", import.meta.resolve("tsx")] : [];
}

function findSourceExtension(): ".ts" | ".js" {
  return import.meta.url.endsWith(".ts") ? ".ts" : ".js";
}

/** Over the workflows, what they import (domain and activity types), and what pins the SDK: the lock file, in a package its own manifest. */
function hashSources(): string {
  const hash = createHash("sha256");
  const folders = ["workflows", "domain"].map((name) => join(SOURCE, name));
  for (const folder of folders)
    for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort())
      if (statSync(join(folder, name)).isFile())
        hash
          .update(name)
          .update("\0")
          .update(readFileSync(join(folder, name)));
  hash.update(readFileIfPresent(join(SOURCE, "..", "package-lock.json")) ?? readFileSync(join(SOURCE, "..", "package.json")));
  return hash.digest("hex").slice(0, 32);
}

function readFileIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
