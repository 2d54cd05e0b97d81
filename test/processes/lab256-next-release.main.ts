import { readFile } from "node:fs/promises";
import { runLab256 } from "../../src/worker/lab256.js";

const { TEST_WORKFLOWS = "" } = process.env;
await runLab256(process.env, undefined, async () => ({ code: await readFile(TEST_WORKFLOWS, "utf8") }));
