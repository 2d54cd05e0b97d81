import { runLab256 } from "../../src/worker/lab256.js";
import { dieAfter } from "./die-after.js";

const die = dieAfter(process.env);
await runLab256(process.env, (step) => void die(step));
