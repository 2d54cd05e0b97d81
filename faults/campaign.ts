import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chooseUnusualPorts } from "../scripts/unusual-ports.js";
import { registerPasskey } from "../src/client/deciding.js";
import { createRegistryClient } from "../src/client/http/registry-client.js";
import { openPasskeyFile } from "../src/passkey/file.js";
import { type RunningRegistry, startRegistryOn } from "../src/stack/registry/registry.js";
import { type Servers, startServers } from "../src/stack/servers/servers.js";
import { searchAttributeNames } from "../src/stack/servers/temporal-namespace.js";
import { type CheckReport, checkInvariants } from "./check/invariants.js";
import { FaultyStore, type StoreFault } from "./faulty-store.js";
import { Load, TENANT } from "./load.js";
import { Random } from "./random.js";
import { waitUntilAtRest } from "./rest.js";
import { VICTIMS, type Victim, Victims } from "./victims.js";

export interface CampaignOptions {
  /** The number of kills. */
  readonly rounds: number;
  readonly seed: number;
  readonly dataDir: string;
  readonly people: number;
  /** The folder of the built processes. Without it they run from the sources. */
  readonly built?: string;
  readonly log: (line: string) => void;
}

export interface CampaignReport extends CheckReport {
  readonly seed: number;
  readonly kills: Readonly<Record<Victim, number>>;
  /** Processes that exited without a kill, such as one that lost a server it needs. Each was restarted. */
  readonly ended_by_themselves: Readonly<Record<Victim, number>>;
  readonly store_faults: Readonly<Record<StoreFault, number>>;
  readonly load: Load["counts"];
  readonly elapsed_s: number;
}

const PAUSE_MS = { low: 200, high: 1_500 } as const;
const DOWN_MS = { low: 0, high: 800 } as const;
/** The number of processes killed together: mostly one or two, sometimes all, as in a power failure. */
const KILLED_AT_ONCE = [1, 1, 1, 2, 2, 3, 4, VICTIMS.length] as const;
const FAULT_SHARE = 0.03;

/**
 * Kills processes of a registry and makes its store fail under load, then waits until the registry is idle and checks all invariants. The
 * seed determines the choices, but not the timing of the processes.
 */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const started = performance.now();
  const random = new Random(options.seed);
  await chooseUnusualPorts(options.dataDir);
  const servers = await startServers({ dataDir: options.dataDir, log: options.log, searchAttributes: searchAttributeNames });
  try {
    if (servers.objectStore.kind !== "s3")
      throw new Error("The campaign needs an S3 server: install MinIO, or Go so that it can be built.");
    const proxy = await FaultyStore.open(servers.objectStore.endpoint, random.fork());
    const registry = await startRegistryOn(toRegistryPlace(options, servers, proxy), {});
    const load = await createLoad(registry, options);
    const victims = new Victims(servers, registry);
    await load.prepare();
    proxy.faultShare = FAULT_SHARE;
    const working = load.run(options.people, random.fork());
    // An error of the load ends the campaign at once.
    await Promise.race([working, killVictims(victims, random.fork(), options)]);
    proxy.faultShare = 0;
    load.stop();
    await working;
    await victims.reviveAll();
    const target = await buildCheckTarget(registry, servers, load);
    await waitUntilAtRest(target, () => victims.reviveAll());
    const report = await checkInvariants(target);
    await proxy.close();
    return {
      ...report,
      seed: options.seed,
      kills: victims.kills,
      ended_by_themselves: victims.ended,
      store_faults: proxy.counts,
      load: load.counts,
      elapsed_s: Math.round((performance.now() - started) / 1000),
    };
  } finally {
    await servers.stop();
  }
}

async function killVictims(victims: Victims, random: Random, { rounds, log }: CampaignOptions): Promise<void> {
  for (let round = 1; round <= rounds; round += 1) {
    await sleep(random.drawBetween(PAUSE_MS.low, PAUSE_MS.high));
    const killed = pickVictims(random, random.pick(KILLED_AT_ONCE));
    await Promise.all(killed.map((one) => victims.kill(one)));
    await sleep(random.drawBetween(DOWN_MS.low, DOWN_MS.high));
    await victims.reviveAll();
    if (round % 10 === 0 || round === rounds) log(`${round} of ${rounds} rounds: killed ${killed.join(", ")}`);
  }
}

function pickVictims(random: Random, count: number): Victim[] {
  const chosen = new Set<Victim>();
  while (chosen.size < count) chosen.add(random.pick(VICTIMS));
  return [...chosen];
}

function toRegistryPlace(options: CampaignOptions, servers: Servers, proxy: FaultyStore) {
  const { temporal, objectStore, databaseUrl, supervisor } = servers;
  if (objectStore.kind !== "s3") throw new Error("unreachable");
  return {
    dataDir: options.dataDir,
    temporalAddress: temporal.address,
    temporalUiUrl: temporal.uiUrl,
    temporalNamespace: temporal.namespace,
    databaseUrl,
    objectStore: { ...objectStore, endpoint: proxy.endpoint },
    bucketPrefix: "",
    supervisor,
    ...(options.built === undefined ? {} : { built: options.built }),
  };
}

async function createLoad(registry: RunningRegistry, { dataDir }: CampaignOptions): Promise<Load> {
  const passkeys = openPasskeyFile(join(dataDir, "bob", "passkey.json"));
  const bob = registry.founded.actors.find((one) => one.tenant_id === TENANT && one.actor_id.endsWith(":bob"));
  if (bob === undefined) throw new Error("The registry has no bob.");
  await registerPasskey(createRegistryClient({ server: registry.apiUrl, token: bob.token }, bob), passkeys, "campaign");
  return new Load(registry.apiUrls, registry.founded, passkeys);
}

async function buildCheckTarget({ founded }: RunningRegistry, { objectStore, databaseUrl, temporal }: Servers, load: Load) {
  if (objectStore.kind !== "s3") throw new Error("unreachable");
  const { endpoint, access_key, secret_key } = objectStore;
  const receipt_jwks = JSON.parse(await readFile(founded.keys.receiptJwks, "utf8"));
  return {
    store: { endpoint, access_key, secret_key, bucket_prefix: "", receipt_jwks },
    databaseUrl,
    temporal: { address: temporal.address, namespace: temporal.namespace },
    tenant: TENANT,
    promised: load.promised,
  };
}
