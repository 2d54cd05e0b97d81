import { runLab512 } from "../../src/worker/lab512.js";
import { setClock } from "./set-clock.js";

// So far ahead that every permit has expired.
setClock(600_000);
await runLab512(process.env);
