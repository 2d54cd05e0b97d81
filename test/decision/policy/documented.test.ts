import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readSigningKey } from "../../../src/configuration/keys.js";
import { Charters } from "../../../src/decision/charter/charters.js";
import { loadPolicy, type Policy } from "../../../src/decision/policy/policy.js";
import { toPolicyBytesKey } from "../../../src/domain/storage-key.js";
import { foundCharters } from "../../../src/stack/founding/charter.js";
import { openStore } from "../../../src/storage/open.js";
import type { ObjectStore } from "../../../src/storage/ports.js";
import { PUSH, readCommittedBytes } from "./inputs.js";

const run = promisify(execFile);
const TENANT = "T.UBL";
const SCRIPT = "publish-policy.ts";
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

let clone: string;
let store: ObjectStore;
let keyFile: string;

/** A clone with the script beside the sources, as the page assumes. */
beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), "ogr-documented-policy-"));
  await Promise.all(["node_modules", "package.json", "policies", "src"].map((name) => symlink(join(ROOT, name), join(clone, name))));
  await writeFile(join(clone, SCRIPT), await readDocumentedScript());
  const founding = join(clone, "keys", "founding");
  await mkdir(founding, { recursive: true });
  keyFile = join(founding, `${TENANT}.pem`);
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  store = await openStore({ kind: "directory", path: join(clone, "store") });
});

afterAll(async () => {
  await store.close();
  await rm(clone, { recursive: true });
});

async function readDocumentedScript(): Promise<string> {
  const page = await readFile(join(ROOT, "docs/policy.md"), "utf8");
  const section = page.split("\n## Change a tenant's policy\n")[1]?.split("\n## ")[0] ?? "";
  const script = /^```ts\n(.*?)^```$/ms.exec(section)?.[1];
  if (script === undefined) throw new Error("docs/policy.md has no script under its heading about a tenant's policy.");
  return script;
}

/** Reads the tenant's active policy as both planes do. */
async function readActivePolicy(): Promise<Policy> {
  const charter = await new Charters(store, new Map([[TENANT, readSigningKey(keyFile).jwk]])).readNewest(TENANT);
  if (!charter.ok) throw new Error(charter.denial.message);
  const { policy_hash } = charter.value;
  const bytes = await store.blobs.get(toPolicyBytesKey(TENANT, policy_hash));
  if (bytes === undefined) throw new Error(`The bytes of policy ${policy_hash} are missing.`);
  return loadPolicy(bytes);
}

it("the script in docs/policy.md publishes a policy whose L1 permits are valid for a minute", async () => {
  const foundingKeys = new Map([[TENANT, readSigningKey(keyFile)]]);
  await foundCharters(store, [{ tenant_id: TENANT }], { foundingKeys, planeKeys: [] }, await readCommittedBytes());
  const before = await readActivePolicy();
  expect(before.decide(PUSH)).toMatchObject({ level: "L1", permit_ttl_ms: 120_000 });

  const env = { PATH: process.env.PATH, OGR_STORE: "directory", OGR_STORE_DIRECTORY: join(clone, "store") };
  const { stdout } = await run(process.execPath, ["--import", "tsx", SCRIPT, TENANT, keyFile], { cwd: clone, env });

  const after = await readActivePolicy();
  expect(after.hash).toBe(stdout.trim());
  expect(after.hash).not.toBe(before.hash);
  expect(after.decide(PUSH)).toMatchObject({ level: "L1", permit_ttl_ms: 60_000 });
  const { L1, ...levels } = before.data.levels;
  expect(after.data).toEqual({ ...before.data, levels: { ...levels, L1: { ...L1, permit_ttl_ms: 60_000 } } });
});
