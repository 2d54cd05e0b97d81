import { readFile } from "node:fs/promises";
import type { ResolvedInfra } from "../../domain/act/infra-context.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import type { Outcome } from "../../domain/denial.js";
import { Revisions, resolveFromRegistry, type UsableRegistry } from "./revisions.js";
import type { InfraSource } from "./source.js";

/** A registry in a file. Its revision is the BLAKE3 of its bytes; only the present one is known. */
export class RegistryFile implements InfraSource {
  readonly kind = "file";
  readonly #revisions = new Revisions();

  constructor(private readonly path: string) {}

  isKeptBy(): boolean {
    return false;
  }

  async resolve(tenant_id: string, project_id: string): Promise<Outcome<ResolvedInfra>> {
    const { registry, revision } = await this.#readCurrent();
    return resolveFromRegistry(
      { tenant_id, project_id, is_registry: false, isRegistryTenant: false },
      registry,
      "a file of the deployment",
      revision,
    );
  }

  async resolveAt(tenantId: string, projectId: string, revision: string): Promise<Outcome<ResolvedInfra> | undefined> {
    const now = await this.resolve(tenantId, projectId);
    return now.ok && now.value.revision === revision ? now : undefined;
  }

  async #readCurrent(): Promise<{ registry: UsableRegistry; revision: string | null }> {
    const bytes = await readFile(this.path).catch((error: NodeJS.ErrnoException) => error);
    // The path concerns the operator; tenants learn only the reason.
    if (bytes instanceof Error)
      return { registry: { ok: false, problem: `it cannot be read (${bytes.code ?? bytes.name}).` }, revision: null };
    const revision = hashBlake3Hex(bytes);
    return { registry: await this.#revisions.load(revision, async () => bytes), revision };
  }
}
