import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { built } from "../scripts/built.js";
import { createStreamLog } from "../src/stack/progress.js";
import { runCampaign } from "./campaign.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    people: { type: "string", default: "6" },
    json: { type: "boolean", default: false },
  },
});
const number = (name: "rounds" | "seed" | "people"): number => {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`--${name} is a whole number, and not ${values[name]}`);
  return value;
};

const data_dir = await mkdtemp(join(tmpdir(), "ogr-faults-"));
const log = createStreamLog(process.stderr);
log(`seed ${values.seed}, ${values.rounds} rounds, in ${data_dir}`);
const report = await runCampaign({
  rounds: number("rounds"),
  seed: number("seed"),
  people: number("people"),
  built: await built(".built-faults"),
  data_dir,
  log,
});
console.log(values.json ? JSON.stringify(report) : JSON.stringify(report, null, 2));
if (report.violations.length === 0) await rm(data_dir, { recursive: true, force: true });
else log(`${report.violations.length} violations; the state is kept in ${data_dir}`);
process.exitCode = report.violations.length === 0 ? 0 : 1;
