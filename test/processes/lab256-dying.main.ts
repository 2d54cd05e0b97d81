import { Context } from "@temporalio/activity";
import { runLab256 } from "../../src/worker/lab256.js";
import { dieTogether } from "./die-after.js";

const die = dieTogether(process.env);
await runLab256(process.env, (step) => {
  const { workflowExecution, workflowType } = Context.current().info;
  return die({ id: workflowExecution?.workflowId ?? "", type: workflowType ?? "" }, step);
});
