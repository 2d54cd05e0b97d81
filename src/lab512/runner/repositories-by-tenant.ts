import { join } from "node:path";
import { Repositories } from "../../repository/repositories.js";
import type { Allowances } from "./allowances.js";

export interface RepositoriesByTenantOptions {
  /** The folder that contains each tenant's `fs_scope`. */
  readonly root: string;
  readonly allowances: Pick<Allowances, "read">;
  /** The total of all tenants. Each tenant gets an equal share, as it does of the readers and the remembered projects. */
  readonly cacheMaxBytes: number;
}

/** Totals of all tenants. */
const READERS_MAX_COUNT = 64;
const REMEMBERED_MAX_COUNT = 512;

/** Each tenant's local repositories in the tenant's own `fs_scope`. They are opened when the tenant's first act needs them. */
export class RepositoriesByTenant {
  readonly #opened = new Map<string, Repositories>();

  constructor(private readonly options: RepositoriesByTenantOptions) {}

  /** @throws for a tenant for which this Runner may do nothing; an earlier check should have refused the act */
  readonly get = async (tenantId: string): Promise<Repositories> => {
    const known = this.#opened.get(tenantId);
    if (known !== undefined) return known;
    const allowance = await this.options.allowances.read(tenantId);
    if (!allowance.ok) throw new Error(allowance.denial.message);
    return this.#opened.get(tenantId) ?? this.#open(tenantId, allowance.value.fs_scope);
  };

  #open(tenantId: string, scope: string): Repositories {
    const folder = join(this.options.root, ...scope.split("/"));
    const opened = new Repositories(folder, () => {
      const tenants = this.#opened.size;
      return {
        cacheMaxBytes: Math.floor(this.options.cacheMaxBytes / tenants),
        readersMaxCount: Math.ceil(READERS_MAX_COUNT / tenants),
        rememberedMaxCount: Math.ceil(REMEMBERED_MAX_COUNT / tenants),
      };
    });
    this.#opened.set(tenantId, opened);
    return opened;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#opened.values()].map((repositories) => repositories.close()));
  }
}
