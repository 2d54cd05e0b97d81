import { setTimeout as sleep } from "node:timers/promises";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import type { Path } from "./path.js";
import { createProject, type ReplaySetup } from "./replay-setup.js";

/** An address without a listener, where every attempt fails at once. */
const NOWHERE = "http://127.0.0.1:1/";

export const webhookPaths: readonly Path[] = [
  {
    // Events are retried and become dead letters, one is retried on request, and the flow ends.
    name: "webhook-delivery",
    status: "stopped",
    passes: ["nextWebhookEvent", "deliverWebhookEvent", "deliverWebhookEvent", "settleWebhookEvent", "nextWebhookEvent"],
    async drive(setup) {
      const path = "/v1/webhooks/wh-recorded";
      await callApi(setup, "PUT", path, { url: NOWHERE, retries_ms: [100], types: ["project.registered"] });
      await createProject(setup, "P.told");
      const listDeadLetters = async () =>
        (await callApi(setup, "GET", `${path}/dead-letters?tenant_id=${DEMO_TENANT}`)) as unknown as { replay: boolean }[];
      while ((await listDeadLetters()).length === 0) await sleep(200);
      await callApi(setup, "POST", `${path}/replay`, {});
      while ((await listDeadLetters()).some(({ replay }) => replay)) await sleep(200);
      await callApi(setup, "POST", `${path}/disable`, {});
      return `webhook/${DEMO_TENANT}/wh-recorded`;
    },
  },
  {
    // A webhook whose flow is lost gets a new one, and a webhook with a running flow keeps it.
    name: "housekeeping-webhooks",
    status: "housekept",
    passes: ["sweepPermits", "headsToAnchor", "anchorHeads", "recordAnchored", "enabledWebhooks"],
    async drive(setup) {
      for (const id of ["wh-kept", "wh-lost"])
        await callApi(setup, "PUT", `/v1/webhooks/${id}`, { url: NOWHERE, types: ["project.registered"] });
      const lost = setup.temporal.workflow.getHandle(`webhook/${DEMO_TENANT}/wh-lost`);
      await lost.terminate("lost");
      await createProject(setup, "P.swept");
      const options = { taskQueue: LAB_256_QUEUE, workflowId: "housekeeping-of-webhooks", args: [] };
      await setup.temporal.workflow.execute("housekeeping", options);
      if ((await lost.describe()).status.name !== "RUNNING") throw new Error("The webhook has no running flow.");
      for (const id of ["wh-kept", "wh-lost"]) await callApi(setup, "POST", `/v1/webhooks/${id}/disable`, {});
      return options.workflowId;
    },
  },
];

async function callApi(setup: ReplaySetup, method: string, path: string, body?: object): Promise<unknown> {
  const { token } = setup.as("admin").connection;
  const response = await fetch(new URL(path, setup.url), {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify({ tenant_id: DEMO_TENANT, ...body }) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} returned ${response.status}: ${await response.text()}`);
  return response.json();
}
