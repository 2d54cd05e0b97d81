import { runLab256 } from "../../src/worker/lab256.js";
import { setClock } from "./set-clock.js";

setClock(Number(process.env.TEST_CLOCK_AHEAD_MS));
await runLab256(process.env);
