import { runLab256 } from "../../src/worker/lab256.js";
import { dieAfter } from "./die-after.js";

await runLab256(process.env, dieAfter(process.env));
