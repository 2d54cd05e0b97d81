import { runMain } from "../process/run-main.js";
import { runLab512 } from "./lab512.js";

await runMain("lab512", () => runLab512(process.env));
