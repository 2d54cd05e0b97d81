import { runMain } from "../process/run-main.js";
import { runApi } from "./api.js";

await runMain("api", () => runApi(process.env));
