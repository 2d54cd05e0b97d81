import { Client, type Connection, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from "@temporalio/client";
import { LAB_256_QUEUE } from "../domain/act/task-queue.js";

const SCHEDULE_ID = "housekeeping";

/** Creates the schedule that starts `housekeeping` every `everyS` seconds, or gives the existing one that interval. */
export async function scheduleHousekeeping(connection: Connection, namespace: string, everyS: number): Promise<void> {
  const { schedule } = new Client({ connection, namespace });
  const spec = { intervals: [{ every: everyS * 1000 }] };
  try {
    await schedule.create({
      scheduleId: SCHEDULE_ID,
      spec,
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: "1 minute" },
      action: { type: "startWorkflow", workflowType: "housekeeping", workflowId: "housekeeping", taskQueue: LAB_256_QUEUE, args: [] },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await schedule.getHandle(SCHEDULE_ID).update((previous) => ({ ...previous, spec }));
  }
}
