import { fileURLToPath } from "node:url";
import { NativeConnection, Worker } from "@temporalio/worker";
import pg from "pg";
import { type LocalSteps, WORKFLOW_QUEUE } from "./steps.js";

const { BARE_TEMPORAL = "", BARE_NAMESPACE = "", BARE_DATABASE = "" } = process.env;
const pool = new pg.Pool({ connectionString: BARE_DATABASE, max: 10 });
await pool.query("create table if not exists bare_flow (flow text, step text)");

const activities: LocalSteps = {
  async writeRow({ flow, step }) {
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query("insert into bare_flow values ($1, $2)", [flow, step]);
      await client.query("commit");
    } finally {
      client.release();
    }
  },
};
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address: BARE_TEMPORAL }),
  namespace: BARE_NAMESPACE,
  taskQueue: WORKFLOW_QUEUE,
  workflowsPath: fileURLToPath(new URL("workflow.ts", import.meta.url)),
  bundlerOptions: {
    webpackConfigHook: (config) => ({ ...config, resolve: { ...config.resolve, extensionAlias: { ".js": [".ts", ".js"] } } }),
  },
  activities: { ...activities },
});
console.log(JSON.stringify({ ready: true }));
await worker.run();
await pool.end();
