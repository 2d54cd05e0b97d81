import { runLab512 } from "../../src/worker/lab512.js";
import { dieAfter, holdAfterClaim } from "./die-after.js";

const [die, hold] = [dieAfter(process.env), holdAfterClaim(process.env)];
await runLab512(process.env, async (act, step) => {
  await die(step, act);
  await hold(step, act);
});
