import { setTimeout as sleep } from "node:timers/promises";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { type Desk, project } from "./desk.js";
import type { Path } from "./path.js";

/** Nobody listens there: every attempt fails at once. */
const NOWHERE = "http://127.0.0.1:1/";

export const webhookPaths: readonly Path[] = [
  {
    // Events that are tried again and become dead letters, one more attempt that was asked for, and the end.
    name: "webhook-delivery",
    status: "stopped",
    passes: ["nextWebhookEvent", "deliverWebhookEvent", "deliverWebhookEvent", "settleWebhookEvent", "nextWebhookEvent"],
    async drive(desk) {
      const path = "/v1/webhooks/wh-recorded";
      await ask(desk, "PUT", path, { url: NOWHERE, retries_ms: [100], types: ["project.registered"] });
      await project(desk, "P.told");
      const letters = async () =>
        (await ask(desk, "GET", `${path}/dead-letters?tenant_id=${DEMO_TENANT}`)) as unknown as { replay: boolean }[];
      while ((await letters()).length === 0) await sleep(200);
      await ask(desk, "POST", `${path}/replay`, {});
      while ((await letters()).some(({ replay }) => replay)) await sleep(200);
      await ask(desk, "POST", `${path}/disable`, {});
      return `webhook/${DEMO_TENANT}/wh-recorded`;
    },
  },
  {
    // A webhook whose flow was lost gets a new one; one whose flow runs keeps it.
    name: "housekeeping-webhooks",
    status: "housekept",
    passes: ["sweepPermits", "headsToAnchor", "anchorHeads", "recordAnchored", "enabledWebhooks"],
    async drive(desk) {
      for (const id of ["wh-kept", "wh-lost"])
        await ask(desk, "PUT", `/v1/webhooks/${id}`, { url: NOWHERE, types: ["project.registered"] });
      const lost = desk.temporal.workflow.getHandle(`webhook/${DEMO_TENANT}/wh-lost`);
      await lost.terminate("lost");
      await project(desk, "P.swept");
      const options = { taskQueue: LAB_256_QUEUE, workflowId: "housekeeping-of-webhooks", args: [] };
      await desk.temporal.workflow.execute("housekeeping", options);
      if ((await lost.describe()).status.name !== "RUNNING") throw new Error("The webhook has no flow.");
      for (const id of ["wh-kept", "wh-lost"]) await ask(desk, "POST", `/v1/webhooks/${id}/disable`, {});
      return options.workflowId;
    },
  },
];

async function ask(desk: Desk, method: string, path: string, body?: object): Promise<unknown> {
  const { token } = desk.as("admin").connection;
  const response = await fetch(new URL(path, desk.url), {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify({ tenant_id: DEMO_TENANT, ...body }) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
