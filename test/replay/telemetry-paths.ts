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
    // Telemetry waits until its repository is registered and is then appended. The flow ends with the infra registry.
    name: "telemetry-append",
    status: "stopped",
    passes: ["nextTelemetry", "nextTelemetry", "nextTelemetry", "nextTelemetry"],
    drive: (setup) =>
      withInfra(setup, writeInfraFile(setup, buildMeasuredEntries("P.measured", "P.telemetry")), async () => {
        await createProject(setup, "P.measured");
        await startTelemetry(setup, DEMO_TENANT);
        await waitForFlowDetails(setup, "waits");
        await actByCard(setup, buildRegistrationJob("P.telemetry"));
        await waitForFlowDetails(setup, "idle");
        return FLOW;
      }),
  },
  {
    // A tenant whose telemetry flow is lost gets a new one, and a tenant with a running flow keeps it.
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
        if (status.name !== "RUNNING") throw new Error("The tenant has no running telemetry flow.");
        return options.workflowId;
      }),
  },
];

function buildMeasuredEntries(...projects: readonly string[]) {
  return Object.fromEntries(projects.map((name) => [name, "enabled production"] as const));
}

/** Starts a tenant's flow, unless the schedule has started it. */
async function startTelemetry(setup: ReplaySetup, tenant_id: string): Promise<void> {
  await setup.temporal.workflow.start("telemetry", {
    taskQueue: LAB_256_QUEUE,
    workflowId: toTelemetryWorkflowId(tenant_id),
    workflowIdConflictPolicy: "USE_EXISTING",
    args: [{ tenant_id }],
  });
}

/** Waits until the flow's current details contain the word. */
async function waitForFlowDetails(setup: ReplaySetup, word: string): Promise<void> {
  const flow = setup.temporal.workflow.getHandle(FLOW);
  for (;;) {
    const { currentDetails } = await flow.query<{ currentDetails?: string }>("__temporal_workflow_metadata");
    if (currentDetails?.includes(`**${word}**`)) return;
    await sleep(200);
  }
}
