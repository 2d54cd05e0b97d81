import { Context } from "@temporalio/activity";
import { runLab256 } from "../../src/worker/lab256.js";
import { dieTogether } from "./die-after.js";

const die = dieTogether(process.env);
await runLab256(process.env, (step) => die(Context.current().info.workflowExecution?.workflowId ?? "", step));
