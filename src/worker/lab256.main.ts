import { runMain } from "../process/run-main.js";
import { runLab256 } from "./lab256.js";

await runMain("lab256", () => runLab256(process.env));
