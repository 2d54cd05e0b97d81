import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Charters } from "../src/decision/charter/charters.js";
import { signNextEntry } from "../src/decision/charter/next-entry.js";
import { WalkPoints } from "../src/decision/charter/walk-points.js";
import { toCanonicalBytes } from "../src/domain/bytes/canonical.js";
import { parseSigningKey, type SigningKey } from "../src/domain/bytes/signature.js";
import type { CharterChange } from "../src/domain/charter/change.js";
import type { Operator } from "../src/domain/charter/founding.js";
import { toCharterKey } from "../src/domain/storage-key.js";
import { openPointStore } from "../src/lab512/charter/point-store.js";
import { openStore } from "../src/storage/open.js";
import type { ObjectStore } from "../src/storage/ports.js";
import { computeRatio } from "./figures.js";

const TENANT = "T.BENCH";
const RP = "registry.example";

/** Measures the first read of a charter by a process that starts: with all its entries, and from the point that a process before kept. */
export async function measureCharter(options: { entries: number }, log: (line: string) => void): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-bench-charter-"));
  const store = await openStore({ kind: "directory", path: folder });
  try {
    const [foundingKey, receiptKey] = [createKey(), createKey()];
    const operator = { tenant_id: TENANT, founding_jwk: foundingKey.jwk };
    log(`appending ${options.entries} changes of members`);
    await appendChanges(store, operator, foundingKey, options.entries);
    log("starting a process with no point, then one with a point");
    const full_ms = await timeStart(store, operator, receiptKey);
    const resumed_ms = await timeStart(store, operator, receiptKey);
    const entry_ms = full_ms / options.entries;
    return { entries: options.entries, full_ms, entry_ms, resumed_ms, ratio: computeRatio(resumed_ms, full_ms) };
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

async function timeStart(store: ObjectStore, operator: Operator, key: SigningKey): Promise<number> {
  const reportFault = (error: unknown, what: string): never => {
    throw new Error(what, { cause: error });
  };
  const points = new WalkPoints({ store: openPointStore(store), key, release: "bench", reportFault });
  const started = performance.now();
  const newest = await new Charters(store, operator, points).readNewest(TENANT);
  const tookMs = performance.now() - started;
  if (!newest.ok) throw new Error(newest.denial.message);
  await points.settle();
  return tookMs;
}

/** Each change names one new person, with two passkeys. */
async function appendChanges(store: ObjectStore, operator: Operator, key: SigningKey, count: number): Promise<void> {
  const opened = await new Charters(store, operator).openWalk(TENANT);
  if (!opened.ok) throw new Error(opened.denial.message);
  for (let n = 0; n <= count; n += 1) {
    const signed = await signNextEntry(opened.value, n === 0 ? buildFounding() : buildChange(n), key);
    if (!signed.ok) throw new Error(signed.denial.message);
    await store.blobs.create(toCharterKey(TENANT, n + 1), toCanonicalBytes(signed.value));
    const advanced = await opened.value.advance(async (version) => (version === n + 1 ? toCanonicalBytes(signed.value) : undefined));
    if (!advanced.ok) throw new Error(advanced.denial.message);
  }
}

function buildFounding(): CharterChange {
  const relying_parties = { [RP]: { origins: [`https://${RP}`], use: "approve" as const } };
  const params = { policy_hash: "a".repeat(64), persons: {}, actors: {}, keys: {}, relying_parties, tenants: {}, policy_codes: [] };
  return { jobType: "registry.charter.found", params: { ...params } };
}

function buildChange(n: number): CharterChange {
  const passkeys = ["a", "b"].map((name) => ({
    credential_id: Buffer.from(`credential ${name} of person ${n}`).toString("base64url"),
    public_key: Buffer.alloc(77, n).toString("base64url"),
    ...{ name, relying_party: RP, registration: null, counts_to: "L5" as const },
  }));
  const person = { name: `Person ${n}`, emails: [`person-${n}@example.com`], passkeys, disabled: false };
  return { jobType: "registry.members.change", params: { persons: { [`person:${n}`]: person }, actors: {} } };
}

function createKey(): SigningKey {
  return parseSigningKey(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString());
}
