import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findAllowance, type JobsAllowlist } from "../../domain/permit/allowlist.js";
import { Repositories } from "../../repository/repositories.js";

export interface RepositoriesByTenantOptions {
  /** The folder that contains each tenant's `fs_scope`. */
  readonly root: string;
  readonly allowlist: JobsAllowlist;
  /** The total of all tenants. Each tenant gets an equal share, as it does of the readers and the remembered projects. */
  readonly cacheMaxBytes: number;
}

export interface RepositoriesByTenant {
  get(tenantId: string): Repositories;
  close(): Promise<void>;
}

/** Totals of all tenants. */
const READERS_MAX_COUNT = 64;
const REMEMBERED_MAX_COUNT = 512;

/** Opens each tenant's local repositories in the tenant's own `fs_scope`. `get` throws for a tenant that is not in the allowlist. */
export async function openRepositoriesByTenant({
  root,
  allowlist,
  cacheMaxBytes,
}: RepositoriesByTenantOptions): Promise<RepositoriesByTenant> {
  const tenants = Object.keys(allowlist.tenants);
  const opened = new Map<string, Repositories>();
  for (const tenantId of tenants) {
    const allowance = findAllowance(allowlist, tenantId);
    if (allowance === undefined) continue;
    const folder = join(root, ...allowance.fs_scope.split("/"));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const repositories = new Repositories(folder, {
      cacheMaxBytes: Math.floor(cacheMaxBytes / tenants.length),
      readersMaxCount: Math.ceil(READERS_MAX_COUNT / tenants.length),
      rememberedMaxCount: Math.ceil(REMEMBERED_MAX_COUNT / tenants.length),
    });
    await repositories.ensureReady();
    opened.set(tenantId, repositories);
  }
  return {
    get(tenantId) {
      const repositories = opened.get(tenantId);
      if (repositories === undefined)
        throw new Error(`${tenantId} is not on this Runner's allowlist; an earlier check should have refused it.`);
      return repositories;
    },
    async close() {
      await Promise.all([...opened.values()].map((repositories) => repositories.close()));
    },
  };
}
