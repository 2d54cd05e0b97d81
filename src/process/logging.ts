import { types } from "node:util";
import { DefaultLogger, type LogEntry, type LogLevel, Runtime } from "@temporalio/worker";
import type { Logger } from "pino";
import { createProcessLog } from "./log.js";
import { parseLogSubject } from "./log-subject.js";
import { WORKER_HEARTBEAT_MS } from "./worker-identity.js";

const MESSAGE_MAX_CHARS = 500;
const STACK_MAX_CHARS = 4000;

let isRuntimeInstalled = false;

/**
 * Creates a worker's log, which also receives the messages of Temporal's SDK and its native part. Call it before any use of the SDK. A
 * process has one Temporal runtime, which reports to the first log that is installed.
 */
export function installLog(name: string, level: string): Logger {
  const log = createProcessLog(name, level);
  if (!isRuntimeInstalled)
    Runtime.install({
      logger: new DefaultLogger(level === "silent" ? "ERROR" : (level.toUpperCase() as LogLevel), (entry) => relayEntry(log, entry)),
      workerHeartbeatInterval: WORKER_HEARTBEAT_MS,
      telemetryOptions: { logging: { filter: { core: "WARN", other: "ERROR" }, forward: {} } },
    });
  isRuntimeInstalled = true;
  return log;
}

/** A message can be long and contain a client's text, so it is cut. `instanceof` fails for errors from a flow's sandbox. */
function describeError(error: unknown): object {
  if (types.isNativeError(error)) {
    const { name, message, stack = "" } = error;
    return { err: { type: name, message: message.slice(0, MESSAGE_MAX_CHARS), stack: stack.slice(0, STACK_MAX_CHARS) } };
  }
  return typeof error === "string" ? { reason: error.slice(0, MESSAGE_MAX_CHARS) } : {};
}

function relayEntry(log: Logger, { level, message, meta = {} }: LogEntry): void {
  const { error, workflowId, taskQueue, activityType, attempt, sdkComponent } = meta;
  const line = {
    ...(typeof workflowId === "string" ? parseLogSubject(workflowId) : {}),
    sdk: sdkComponent,
    task_queue: taskQueue,
    activity: activityType,
    attempt,
    ...describeError(error),
  };
  log[level.toLowerCase() as "trace" | "debug" | "info" | "warn" | "error"](line, message);
}
