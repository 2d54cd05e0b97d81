import { runLab512 } from "../../src/worker/lab512.js";
import { setClock } from "./set-clock.js";

setClock(Number(process.env.TEST_CLOCK_AHEAD_MS));
await runLab512(process.env);
