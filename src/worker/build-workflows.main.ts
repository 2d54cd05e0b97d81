/**
 * Builds the workflows from these sources unless they are built: `workflows-plain.js`, and `workflows-traced.js`, whose flows emit spans.
 * Copies both to FOLDER if it is named.
 *
 *     node --import tsx src/worker/build-workflows.main.ts [FOLDER]
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, DefaultLogger } from "@temporalio/worker";
import { runMain } from "../process/run-main.js";
import { locateKeptBundles } from "./workflow-bundle.js";

const INTERCEPTORS = createRequire(import.meta.url).resolve("@temporalio/interceptors-opentelemetry/lib/workflow-interceptors");

async function buildBundle(workflowInterceptorModules: string[]): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL("../workflows/index.ts", import.meta.url)),
    workflowInterceptorModules,
    // Sources import each other by the names of the built files.
    webpackConfigHook: (config) => ({ ...config, resolve: { ...config.resolve, extensionAlias: { ".js": [".ts", ".js"] } } }),
    logger: new DefaultLogger("WARN"),
  });
  return code;
}

async function buildBundles(folder: string): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  const made = mkdtempSync(`${folder}.`);
  writeFileSync(join(made, "workflows-plain.js"), await buildBundle([]));
  writeFileSync(join(made, "workflows-traced.js"), await buildBundle([INTERCEPTORS]));
  // Another process may have built the same files meanwhile.
  if (existsSync(folder)) rmSync(made, { recursive: true });
  else renameSync(made, folder);
}

await runMain("build-workflows", async () => {
  const [, , target] = process.argv;
  const kept = locateKeptBundles();
  if (!existsSync(kept)) await buildBundles(kept);
  if (target !== undefined) for (const name of readdirSync(kept)) cpSync(join(kept, name), join(target, name));
});
