import { runLab512 } from "./lab512.js";
import { runMain } from "./run-main.js";

await runMain("lab512", () => runLab512(process.env));
