import { runLab512 } from "../../src/worker/lab512.js";
import { dieAfter, holdUp } from "./die-after.js";

const [die, hold] = [dieAfter(process.env), holdUp(process.env)];
await runLab512(process.env, async (act, step) => {
  await die(step, act);
  await hold(step, act);
});
