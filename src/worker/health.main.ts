/**
 * Exits with 0 if the worker of a plane polls its queue, as Temporal sees it: a process can live without polling. For a container's health
 * check, which needs Temporal's address only.
 *
 *     node dist/worker/health.main.js lab256|lab512
 */
import { Connection } from "@temporalio/client";
import proto from "@temporalio/proto";
import { z } from "zod";
import { readConfiguration } from "../configuration/read.js";
import { readTemporalAccess, temporalSettings } from "../configuration/sections/temporal.js";
import { LAB_256_QUEUE, LAB_512_QUEUE } from "../domain/act/task-queue.js";
import { runMain } from "../process/run-main.js";

const { TASK_QUEUE_TYPE_ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW } = proto.temporal.api.enums.v1.TaskQueueType;
const workers = {
  lab256: { name: LAB_256_QUEUE, taskQueueType: TASK_QUEUE_TYPE_WORKFLOW },
  lab512: { name: LAB_512_QUEUE, taskQueueType: TASK_QUEUE_TYPE_ACTIVITY },
};

/** One poll lasts at most a minute. */
const POLLER_FRESH_MS = 70_000;
const CALL_MAX_MS = 4_000;

await runMain("health", async () => {
  const worker = z.enum(["lab256", "lab512"], "Say which worker: `lab256` or `lab512`.").parse(process.argv[2]);
  const { name, taskQueueType } = workers[worker];
  const env = readConfiguration(z.object(temporalSettings), process.env);
  const connection = await Connection.connect({ ...readTemporalAccess(env), connectTimeout: CALL_MAX_MS });
  const request = { namespace: env.OGR_TEMPORAL_NAMESPACE, taskQueue: { name }, taskQueueType };
  const { pollers } = await connection.withDeadline(Date.now() + CALL_MAX_MS, () => connection.workflowService.describeTaskQueue(request));
  const polls = pollers
    .filter(({ identity }) => identity?.startsWith(`${worker}/`))
    .map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000);
  await connection.close();
  if (!polls.some((at) => Date.now() - at < POLLER_FRESH_MS)) throw new Error(`no worker polls ${name}`);
});
