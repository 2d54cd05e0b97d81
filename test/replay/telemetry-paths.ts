import { setTimeout as sleep } from "node:timers/promises";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { toTelemetryWorkflowId } from "../../src/domain/act/workflow-id.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { actByCard, registration } from "../harness/acting.js";
import { type Desk, infraFile, project, withInfra } from "./desk.js";
import type { Path } from "./path.js";

const FLOW = toTelemetryWorkflowId(DEMO_TENANT);

export const telemetryPaths: readonly Path[] = [
  {
    // What cannot be appended waits until its repository is registered; then it is appended, and the flow ends with the infra registry.
    name: "telemetry-append",
    status: "stopped",
    passes: ["nextTelemetry", "nextTelemetry", "nextTelemetry", "nextTelemetry"],
    drive: (desk) =>
      withInfra(desk, infraFile(desk, measured("P.measured", "P.telemetry")), async () => {
        await project(desk, "P.measured");
        await begin(desk, DEMO_TENANT);
        await says(desk, "waits");
        await actByCard(desk, registration("P.telemetry"));
        await says(desk, "idle");
        return FLOW;
      }),
  },
  {
    // A tenant whose telemetry was lost gets a new flow; one whose flow runs keeps it.
    name: "housekeeping-telemetry",
    status: "housekept",
    passes: ["sweepPermits", "headsToAnchor", "anchorHeads", "recordAnchored", "enabledWebhooks", "telemetryTenants"],
    drive: (desk) =>
      withInfra(desk, infraFile(desk, measured("P.watched")), async () => {
        await begin(desk, "T.OTHER");
        await project(desk, "P.watched");
        const options = { taskQueue: LAB_256_QUEUE, workflowId: "housekeeping-of-telemetry", args: [] };
        await desk.temporal.workflow.execute("housekeeping", options);
        const { status } = await desk.temporal.workflow.getHandle(FLOW).describe();
        if (status.name !== "RUNNING") throw new Error("The tenant's telemetry has no flow.");
        return options.workflowId;
      }),
  },
];

function measured(...projects: readonly string[]) {
  return Object.fromEntries(projects.map((name) => [name, "enabled production"] as const));
}

/** Starts a tenant's flow, unless the schedule has done so already. */
async function begin(desk: Desk, tenant_id: string): Promise<void> {
  await desk.temporal.workflow.start("telemetry", {
    taskQueue: LAB_256_QUEUE,
    workflowId: toTelemetryWorkflowId(tenant_id),
    workflowIdConflictPolicy: "USE_EXISTING",
    args: [{ tenant_id }],
  });
}

/** Waits until the flow says this of itself. */
async function says(desk: Desk, word: string): Promise<void> {
  const flow = desk.temporal.workflow.getHandle(FLOW);
  for (;;) {
    const { currentDetails } = await flow.query<{ currentDetails?: string }>("__temporal_workflow_metadata");
    if (currentDetails?.includes(`**${word}**`)) return;
    await sleep(200);
  }
}
