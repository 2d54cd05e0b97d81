import { runLab512 } from "../../src/worker/lab512.js";
import { dieAfter } from "./die-after.js";

const die = dieAfter(process.env);
await runLab512(process.env, (_jti, step) => die(step));
