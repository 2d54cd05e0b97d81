import { randomUUID } from "node:crypto";
import { Connection } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { msToTs } from "@temporalio/common/lib/time.js";
import { temporal } from "@temporalio/proto";
import { LAB_512_QUEUE } from "../../src/domain/act/task-queue.js";

const LIMIT_MS = 40_000;

type Event = temporal.api.history.v1.IHistoryEvent;

/**
 * Runs one activity on the worker that polls `LAB_512`. Returns its result. The workflow is played by hand: it schedules the activity in
 * the first workflow task and reads the result in the second.
 */
export async function driveActivity(address: string, namespace: string, activity: string, input: unknown): Promise<unknown> {
  const connection = await Connection.connect({ address });
  const service = connection.workflowService;
  const taskQueue = { name: `driver-${randomUUID()}` };
  const workflowId = `drive-${randomUUID()}`;
  const pollTask = () =>
    connection.withDeadline(Date.now() + LIMIT_MS, () => service.pollWorkflowTaskQueue({ namespace, taskQueue, identity: "driver" }));
  try {
    const workflowType = { name: "driven" };
    await service.startWorkflowExecution({ namespace, workflowId, workflowType, taskQueue, requestId: randomUUID(), identity: "driver" });
    const task = await pollTask();
    await service.respondWorkflowTaskCompleted({
      namespace,
      taskToken: task.taskToken,
      identity: "driver",
      commands: [
        {
          commandType: temporal.api.enums.v1.CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
          scheduleActivityTaskCommandAttributes: {
            activityId: "1",
            activityType: { name: activity },
            taskQueue: { name: LAB_512_QUEUE },
            input: { payloads: [defaultPayloadConverter.toPayload(input)] },
            scheduleToCloseTimeout: msToTs(LIMIT_MS),
            startToCloseTimeout: msToTs(LIMIT_MS),
            heartbeatTimeout: msToTs("10s"),
            retryPolicy: { maximumAttempts: 1 },
          },
        },
      ],
    });
    const events = (await pollTask()).history?.events ?? [];
    return requireResult(events);
  } finally {
    await service.terminateWorkflowExecution({ namespace, workflowExecution: { workflowId }, reason: "done" });
    await connection.close();
  }
}

function requireResult(events: readonly Event[]): unknown {
  for (const event of events) {
    const payload = event.activityTaskCompletedEventAttributes?.result?.payloads?.[0];
    if (payload !== undefined && payload !== null) return defaultPayloadConverter.fromPayload(payload);
    const failure = event.activityTaskFailedEventAttributes?.failure ?? event.activityTaskTimedOutEventAttributes?.failure;
    if (failure !== undefined && failure !== null) throw new Error(`the activity failed: ${failure.message}`);
  }
  throw new Error("the activity did not end");
}
