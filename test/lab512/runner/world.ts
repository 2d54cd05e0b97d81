import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Charters } from "../../../src/decision/charter/charters.js";
import { PolicyCatalog } from "../../../src/decision/policy/policy-catalog.js";
import { buildFullAllowance } from "../../../src/domain/act/full-allowance.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { type Jwks, parseSigningKey, type SigningKey } from "../../../src/domain/bytes/signature.js";
import type { JobsAllowlist } from "../../../src/domain/permit/allowlist.js";
import { toPolicyBytesKey } from "../../../src/domain/storage-key.js";
import { noInfra } from "../../../src/infra/source/open.js";
import { Allowances } from "../../../src/lab512/runner/allowances.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { RepositoriesByTenant } from "../../../src/lab512/runner/repositories-by-tenant.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { readDefaultPolicy } from "../../../src/stack/founding/policy.js";
import { ensureSpaces, openStore, type StoreConfig } from "../../../src/storage/open.js";
import type { ObjectStore } from "../../../src/storage/ports.js";
import { spaceNames } from "../../../src/storage/spaces.js";
import { createBucketPrefix, hasS3, requireS3Server } from "../../harness/buckets.js";
import { createMembers, type Members } from "./members.js";

export const TENANT = "T.UBL";
export const OTHER_TENANT = "T.OTHER";
/** Names no keys in its charter, so that those of the operator's count, which is that of {@link TENANT}. */
export const KEYLESS_TENANT = "T.KEYLESS";
/** Has a charter, but the operator's does not name it. */
export const UNSERVED_TENANT = "T.UNSERVED";
/** The operator's charter names these with the founding key of {@link TENANT}. They have no charter. */
export const COPIED_TENANT = "T.COPIED";
export const BROKEN_TENANT = "T.BROKEN";

/** What a test replaces of a Runner. */
export interface RunnerChanges extends Partial<RunnerDependencies> {
  readonly allowlist?: JobsAllowlist;
}

export type Backend = "directory" | "s3";
/** For tests of claims, lost responses and races, which depend on the backend. */
export const BACKENDS: readonly Backend[] = hasS3() ? ["directory", "s3"] : ["directory"];
/** The backend of the tests that do not depend on one: S3, or the directory on a machine without S3. */
export const MAIN_BACKEND: Backend = hasS3() ? "s3" : "directory";

/** The store of a registry with charters, its keys, its clock, and a factory of Runners on them. */
export interface World {
  readonly store: ObjectStore;
  readonly folder: string;
  readonly policy_hash: string;
  readonly allowlist: JobsAllowlist;
  readonly keys: Readonly<Record<"permit" | "statement" | "receipt" | "git", SigningKey>> & {
    readonly founding: ReadonlyMap<string, SigningKey>;
  };
  /** The members of every tenant. */
  readonly members: Members;
  /** The Runners' clock: the real time plus `offsetMs`. */
  readonly clock: { offsetMs: number; now(): number };
  /** Opens a Runner with its own work folder, like a separate process. */
  openRunner(changes?: RunnerChanges): Promise<RunnerDependencies>;
  close(): Promise<void>;
}

export function createWorldKey(): SigningKey {
  return parseSigningKey(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString());
}

export function toJwks(...keys: readonly SigningKey[]): Jwks {
  return { keys: keys.map((key) => key.jwk) };
}

export async function openWorld(backend: Backend = "directory"): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-runner-"));
  const config: StoreConfig =
    backend === "directory"
      ? { kind: "directory", path: join(folder, "store") }
      : { ...requireS3Server(), kind: "s3", bucket_prefix: createBucketPrefix("runner"), requestTimeoutMs: 20_000 };
  await ensureSpaces(config);
  const store = await openStore(config);
  const founding = new Map([TENANT, OTHER_TENANT, UNSERVED_TENANT, KEYLESS_TENANT].map((tenant) => [tenant, createWorldKey()]));
  const keys = { permit: createWorldKey(), statement: createWorldKey(), receipt: createWorldKey(), git: createWorldKey(), founding };
  const members = createMembers();
  const policy = await readDefaultPolicy();
  const policy_hash = hashBlake3Hex(policy);
  const planeKeys = (["permit", "statement", "receipt", "git"] as const).map((use) => [
    keys[use].kid,
    { use, jwk: keys[use].jwk, revoked: false },
  ]);
  const named = [...founding].filter(([tenant]) => tenant !== UNSERVED_TENANT);
  const [[operatorId, operatorKey] = [TENANT, createWorldKey()]] = named;
  const operator = { tenant_id: operatorId, founding_jwk: operatorKey.jwk };
  for (const copy of [COPIED_TENANT, BROKEN_TENANT]) named.push([copy, operatorKey]);
  const tenants = Object.fromEntries(
    named.map(([tenant, { jwk }]) => [tenant, { founding_jwk: jwk, allowance: buildFullAllowance(tenant) }]),
  );
  const params = { policy_hash, ...members.params, keys: Object.fromEntries(planeKeys), policy_codes: [] };
  for (const [tenant, key] of founding) {
    await store.blobs.create(toPolicyBytesKey(tenant, policy_hash), policy);
    const own = tenant === KEYLESS_TENANT ? { keys: {} } : {};
    const founded = { ...params, ...own, tenants: tenant === operatorId ? tenants : {} };
    await appendCharterEntry(store, tenant, key, { jobType: "registry.charter.found", params: founded });
  }
  const allowlist: JobsAllowlist = {
    version: 1,
    tenants: Object.fromEntries([TENANT, OTHER_TENANT, KEYLESS_TENANT].map((tenant) => [tenant, buildFullAllowance(tenant)])),
  };
  const clock = { offsetMs: 0, now: () => Date.now() + clock.offsetMs };
  const opened: RepositoriesByTenant[] = [];
  return {
    store,
    folder,
    policy_hash,
    allowlist,
    keys,
    members,
    clock,
    async openRunner({ allowlist: ownAllowlist = allowlist, ...changes } = {}) {
      const charters = changes.charters ?? new Charters(store, operator);
      const allowances = new Allowances(charters, ownAllowlist);
      const repositories = new RepositoriesByTenant({
        root: join(folder, `work-${randomUUID()}`),
        allowances,
        cacheMaxBytes: 256 * MIB,
      });
      opened.push(repositories);
      return {
        target: "LAB_512",
        store,
        getRepositories: repositories.get,
        receiptKey: keys.receipt,
        gitKey: keys.git,
        charters,
        policies: new PolicyCatalog(charters, clock.now),
        allowances,
        infra: noInfra,
        limits: LIMITS,
        now: clock.now,
        ...changes,
      };
    },
    async close() {
      await Promise.all(opened.map((repositories) => repositories.close()));
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const MIB = 1024 * 1024;

export const LIMITS: RunnerDependencies["limits"] = {
  stagedMaxBytes: 16 * MIB,
  packMaxBytes: 64 * MIB,
  objectsMaxCount: 100_000,
  blobMaxBytes: 8 * MIB,
  pathMaxBytes: 1024,
  archiveMaxBytes: 64 * 1024 * 1024,
  planMaxMs: 240_000,
  diffstatMaxMs: 20_000,
};

/** Returns the BLAKE3 of every object in the store by key, except in the spaces of `without`. */
export async function hashContents(store: ObjectStore, without: readonly string[] = []): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const space of spaceNames.filter((name) => !without.includes(name)))
    for await (const key of store.blobs.list(`${space}/`)) found[key] = hashBlake3Hex((await store.blobs.get(key)) ?? new Uint8Array(0));
  return found;
}
