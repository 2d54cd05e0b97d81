import { runLab256 } from "../../src/worker/lab256.js";
import { setClock } from "./set-clock.js";

setClock(-20_000);
await runLab256(process.env);
