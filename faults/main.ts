import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildProcesses } from "../scripts/build-processes.js";
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
const parseNumber = (name: "rounds" | "seed" | "people"): number => {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`--${name} is a whole number, and not ${values[name]}`);
  return value;
};

const dataDir = await mkdtemp(join(tmpdir(), "ogr-faults-"));
const log = createStreamLog(process.stderr);
log(`seed ${values.seed}, ${values.rounds} rounds, in ${dataDir}`);
const report = await runCampaign({
  rounds: parseNumber("rounds"),
  seed: parseNumber("seed"),
  people: parseNumber("people"),
  built: await buildProcesses(".built-faults"),
  dataDir,
  log,
});
console.log(values.json ? JSON.stringify(report) : JSON.stringify(report, null, 2));
if (report.violations.length === 0) await rm(dataDir, { recursive: true, force: true });
else log(`${report.violations.length} violations; the state is kept in ${dataDir}`);
process.exitCode = report.violations.length === 0 ? 0 : 1;
