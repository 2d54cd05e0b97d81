import { setTimeout as sleep } from "node:timers/promises";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { toTelemetryWorkflowId } from "../../src/domain/act/workflow-id.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { actByCard, buildRegistrationJob } from "../harness/acting.js";
import type { Path } from "./path.js";
import { createProject, type ReplaySetup, withInfra, writeInfraFile } from "./replay-setup.js";

const FLOW = toTelemetryWorkflowId(DEMO_TENANT);

export const telemetryPaths: readonly Path[] = [
  {
    // What cannot be appended waits until its repository is registered; then it is appended, and the flow ends with the infra registry.
    name: "telemetry-append",
    status: "stopped",
    passes: ["nextTelemetry", "nextTelemetry", "nextTelemetry", "nextTelemetry"],
    drive: (setup) =>
      withInfra(setup, writeInfraFile(setup, buildMeasuredEntries("P.measured", "P.telemetry")), async () => {
        await createProject(setup, "P.measured");
        await startTelemetry(setup, DEMO_TENANT);
        await waitUntilFlowSays(setup, "waits");
        await actByCard(setup, buildRegistrationJob("P.telemetry"));
        await waitUntilFlowSays(setup, "idle");
        return FLOW;
      }),
  },
  {
    // A tenant whose telemetry was lost gets a new flow; one whose flow runs keeps it.
    name: "housekeeping-telemetry",
    status: "housekept",
    passes: ["sweepPermits", "headsToAnchor", "anchorHeads", "recordAnchored", "enabledWebhooks", "telemetryTenants"],
    drive: (setup) =>
      withInfra(setup, writeInfraFile(setup, buildMeasuredEntries("P.watched")), async () => {
        await startTelemetry(setup, "T.OTHER");
        await createProject(setup, "P.watched");
        const options = { taskQueue: LAB_256_QUEUE, workflowId: "housekeeping-of-telemetry", args: [] };
        await setup.temporal.workflow.execute("housekeeping", options);
        const { status } = await setup.temporal.workflow.getHandle(FLOW).describe();
        if (status.name !== "RUNNING") throw new Error("The tenant's telemetry has no flow.");
        return options.workflowId;
      }),
  },
];

function buildMeasuredEntries(...projects: readonly string[]) {
  return Object.fromEntries(projects.map((name) => [name, "enabled production"] as const));
}

/** Starts a tenant's flow, unless the schedule has done so already. */
async function startTelemetry(setup: ReplaySetup, tenant_id: string): Promise<void> {
  await setup.temporal.workflow.start("telemetry", {
    taskQueue: LAB_256_QUEUE,
    workflowId: toTelemetryWorkflowId(tenant_id),
    workflowIdConflictPolicy: "USE_EXISTING",
    args: [{ tenant_id }],
  });
}

/** Waits until the flow says this of itself. */
async function waitUntilFlowSays(setup: ReplaySetup, word: string): Promise<void> {
  const flow = setup.temporal.workflow.getHandle(FLOW);
  for (;;) {
    const { currentDetails } = await flow.query<{ currentDetails?: string }>("__temporal_workflow_metadata");
    if (currentDetails?.includes(`**${word}**`)) return;
    await sleep(200);
  }
}
