import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { flow } from "./flow.js";
import { ingest } from "./ingest.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    pushes: { type: "string", default: "5000" },
    concurrency: { type: "string", default: "32" },
    rounds: { type: "string", default: "5" },
  },
});

const log = (line: string) => process.stderr.write(`${line}\n`);
const benches: Record<string, () => Promise<Record<string, unknown>>> = {
  flow: () => flow({ pushes: Number(values.pushes), concurrency: Number(values.concurrency) }, log),
  ingest: () => ingest({ rounds: Number(values.rounds) }, log),
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
