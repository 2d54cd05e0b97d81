import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, type WorkflowBundle } from "@temporalio/worker";

const SOURCE = fileURLToPath(new URL("../", import.meta.url));

/**
 * The workflows as one bundle, built from the sources beside this file. Building takes seconds, so a bundle is kept in `cacheFolder`
 * under the hash of everything that can change it.
 */
export async function workflowBundle(cacheFolder: string): Promise<WorkflowBundle> {
  const path = join(cacheFolder, `workflows-${sourceHash()}.js`);
  const cached = readOrUndefined(path);
  if (cached !== undefined) return { code: cached };
  const bundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL(`../workflows/index${extension()}`, import.meta.url)),
    // Sources import each other by the names that they will have once built.
    webpackConfigHook: (config) => ({ ...config, resolve: { ...config.resolve, extensionAlias: { ".js": [".ts", ".js"] } } }),
  });
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, bundle.code);
  renameSync(temporary, path);
  return bundle;
}

function extension(): ".ts" | ".js" {
  return import.meta.url.endsWith(".ts") ? ".ts" : ".js";
}

/** Over the workflows, what they import (domain and activity types), and the lock file that pins the SDK. */
function sourceHash(): string {
  const hash = createHash("sha256");
  const folders = ["workflows", "domain", "activities/lab256", "activities/lab512"].map((name) => join(SOURCE, name));
  for (const folder of folders)
    for (const name of readdirSync(folder).sort())
      if (statSync(join(folder, name)).isFile())
        hash
          .update(name)
          .update("\0")
          .update(readFileSync(join(folder, name)));
  hash.update(readOrUndefined(join(SOURCE, "..", "package-lock.json")) ?? process.version);
  return hash.digest("hex").slice(0, 32);
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
