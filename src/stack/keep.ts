/**
 * Starts the servers, writes their addresses to a JSON file and runs until it is stopped. Tests that run with
 * `OGR_TEST_SERVERS=<that file>` use these servers instead of starting their own.
 *
 *     node --import tsx src/stack/keep.ts [--data-dir .ogr/keep] [--json .ogr/servers.json]
 */
import { rmSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createStreamLog } from "./progress.js";
import { toServerAddresses } from "./servers/server-addresses.js";
import { startServers } from "./servers/servers.js";

const { values } = parseArgs({
  options: {
    "data-dir": { type: "string", default: ".ogr/keep" },
    json: { type: "string", default: ".ogr/servers.json" },
  },
});
const json = resolve(values.json);
const log = createStreamLog(process.stderr);
const servers = await startServers({ dataDir: values["data-dir"], log });
process.once("exit", () => rmSync(json, { force: true }));

await mkdir(dirname(json), { recursive: true });
const addresses = toServerAddresses(servers, values["data-dir"]);
await writeFile(`${json}.new`, `${JSON.stringify(addresses, null, 2)}\n`, { mode: 0o600 });
await rename(`${json}.new`, json);
log(`The servers are ready; their addresses are in ${json}. Ctrl-C stops them.`);

for (const child of servers.processes) {
  void child.exited.then(({ code, signal }) => log(`${child.name} ended (${signal ?? `exit code ${code}`})`));
}
// The children do not keep this process alive by themselves.
setInterval(() => undefined, 60_000);
