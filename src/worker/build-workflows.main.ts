import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode } from "@temporalio/worker";
import { runMain } from "../process/run-main.js";

const INTERCEPTORS = "@temporalio/interceptors-opentelemetry/lib/workflow-interceptors";

/**
 * Builds the workflows beside this file into the file that the first argument names, with spans if the second is `traced`; whoever reads
 * that file sees all of it or none.
 */
async function buildWorkflows(path: string | undefined, kind: string | undefined): Promise<void> {
  if (path === undefined) throw new TypeError("Name the file to build.");
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const bundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL(`../workflows/index${extension}`, import.meta.url)),
    workflowInterceptorModules: kind === "traced" ? [createRequire(import.meta.url).resolve(INTERCEPTORS)] : [],
    // Sources import each other by the names that they will have once built.
    webpackConfigHook: (config) => ({ ...config, resolve: { ...config.resolve, extensionAlias: { ".js": [".ts", ".js"] } } }),
  });
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, bundle.code);
  renameSync(temporary, path);
}

await runMain("build-workflows", () => buildWorkflows(process.argv[2], process.argv[3]));
