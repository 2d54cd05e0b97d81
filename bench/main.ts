import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { measureCharter } from "./charter.js";
import { measureFlow } from "./flow.js";
import { measureGrowth } from "./growth.js";
import { measureIngest } from "./ingest.js";
import { measureMerge } from "./merge.js";
import { measureOverload } from "./overload.js";
import { measureSoak } from "./soak.js";
import { measureTenants } from "./tenants.js";
import { measureWaiting } from "./waiting.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    pushes: { type: "string", default: "5000" },
    concurrency: { type: "string", default: "32" },
    rounds: { type: "string", default: "5" },
    commits: { type: "string", default: "10,1000,50000" },
    files: { type: "string", default: "20000" },
    refs: { type: "string", default: "10,5000" },
    entries: { type: "string", default: "4999" },
    cards: { type: "string", default: "10000" },
    lanes: { type: "string", default: "64" },
    set: { type: "string", multiple: true, default: [] },
    seconds: { type: "string", default: "60" },
    minutes: { type: "string", default: "60" },
    measured: { type: "string", default: "100" },
  },
});

const parseNumbers = (text: string) => text.split(",").map(Number);
const log = (line: string) => process.stderr.write(`${line}\n`);
const benches: Record<string, () => Promise<Record<string, unknown>>> = {
  flow: () => measureFlow({ pushes: Number(values.pushes), concurrency: Number(values.concurrency) }, log),
  ingest: () => measureIngest({ rounds: Number(values.rounds) }, log),
  merge: () =>
    measureMerge({ rounds: Number(values.rounds), commits: Math.max(...parseNumbers(values.commits)), files: Number(values.files) }, log),
  growth: () =>
    measureGrowth({ commits: parseNumbers(values.commits), refs: parseNumbers(values.refs), pushes: Number(values.measured) }, log),
  waiting: () => measureWaiting({ cards: Number(values.cards), pushes: Number(values.measured) }, log),
  charter: () => measureCharter({ entries: Number(values.entries) }, log),
  tenants: () =>
    measureTenants(
      {
        lanes: Number(values.lanes),
        pushes: Number(values.measured),
        settings: Object.fromEntries(values.set.map((one) => one.split("=", 2))),
      },
      log,
    ),
  overload: () => measureOverload({ pushes: 10 * Number(values.measured), seconds: Number(values.seconds) }, log),
  soak: () => measureSoak({ minutes: Number(values.minutes) }, log),
};

const name = positionals[0] ?? "";
const bench = benches[name];
if (bench === undefined) {
  log(`There is no bench \`${name}\`; choose one of ${Object.keys(benches).join(", ")}: npm run bench -- NAME [--json]`);
  process.exitCode = 2;
} else {
  const machine = {
    node: process.version,
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    memory_gib: Math.round(totalmem() / 1024 ** 3),
  };
  const result = { bench: name, machine, ...(await bench()) };
  console.log(values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2));
}
