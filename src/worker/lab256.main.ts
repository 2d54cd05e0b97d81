import { runLab256 } from "./lab256.js";
import { runMain } from "./run-main.js";

await runMain("lab256", () => runLab256(process.env));
