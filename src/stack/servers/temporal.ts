import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Connection } from "@temporalio/client";
import { buildBaseEnvironment } from "../environment.js";
import type { Log } from "../progress.js";
import type { Supervisor } from "../supervise.js";
import { obtainTool } from "../tools/obtain.js";
import { isListening } from "./ports.js";
import { registerSearchAttributes } from "./temporal-namespace.js";

export interface TemporalServer {
  /** host:port of the gRPC front end. */
  address: string;
  uiUrl: string;
  namespace: string;
}

/**
 * By default a history shard polls its transfer queue 20 times a second, which costs 50 ms per step. Fairness keys have no effect until
 * fairness is enabled, and they order the whole queue only if it has a single partition. Workers' heartbeats are off by default.
 */
const dynamicConfig = [
  "history.transferProcessorMaxPollRPS=2000",
  "matching.enableFairness=true",
  "matching.numTaskqueueReadPartitions=1",
  "matching.numTaskqueueWritePartitions=1",
  "frontend.WorkerHeartbeatsEnabled=true",
  "frontend.ListWorkersEnabled=true",
];

const sqlitePragmas = ["journal_mode=wal", "synchronous=normal"];
const namespace = "default";

/** Returns the path of the Temporal CLI, or throws an error that explains how to get it. */
export async function obtainTemporalTool(log: Log): Promise<string> {
  const tool = await obtainTool("temporal", { log });
  if (tool.found) return tool.path;
  throw new Error(
    "Temporal is not installed and could not be obtained. Put the `temporal` command (server 1.29 or newer) on PATH, or " +
      "install Go 1.21 or newer so that it can be built, or make temporal.download reachable; then start again.\n" +
      tool.reasons.map((reason) => `  - ${reason}`).join("\n"),
  );
}

/** Starts the Temporal development server with its UI. Its state is in `<dataDir>/temporal`. */
export async function startTemporal(
  supervisor: Supervisor,
  tool: string,
  ports: { temporal: number; temporal_ui: number },
  searchAttributes: readonly string[],
): Promise<TemporalServer> {
  const folder = join(supervisor.dataDir, "temporal");
  await mkdir(folder, { recursive: true });
  const address = `127.0.0.1:${ports.temporal}`;
  await supervisor.start({
    name: "temporal",
    command: tool,
    args: [
      ...["server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn", "--log-format", "json"],
      ...["--port", String(ports.temporal), "--ui-port", String(ports.temporal_ui)],
      ...["--db-filename", join(folder, "temporal.db")],
      ...dynamicConfig.flatMap((value) => ["--dynamic-config-value", value]),
      ...sqlitePragmas.flatMap((value) => ["--sqlite-pragma", value]),
    ],
    env: { ...buildBaseEnvironment(), GOGC: "400" },
    isReady: async () => (await isListening(ports.temporal)) && (await isServing(address)) && (await isListening(ports.temporal_ui)),
  });
  await registerSearchAttributes(address, namespace, searchAttributes);
  return { address, uiUrl: `http://127.0.0.1:${ports.temporal_ui}`, namespace };
}

async function isServing(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 2_000 });
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return true;
  } finally {
    await connection.close();
  }
}
