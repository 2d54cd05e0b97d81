import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { buildPush, pushOrThrow } from "../scenarios/acts.js";
import { commitRegistry, setMain } from "./registries.js";

export const INFRA_PROJECT = "P.infra";

/** The project that holds the infra registry of a running registry. */
export interface InfraProject {
  /** Pushes a registry and an optional changelog to `feature/registry`. Returns the commit. */
  propose(text: string, changelog?: string): Promise<string>;
  /** Pushes a registry to a feature branch and moves main there like a merge. Returns the commit. */
  publish(text: string): Promise<string>;
}

export function createInfraProject(registry: ServedRegistry): InfraProject {
  const clone = new Clone();
  let head: string | null = null;
  const propose = async (text: string, changelog?: string): Promise<string> => {
    const commit = commitRegistry(clone, text, changelog);
    const bundle = clone.bundle("main", head === null ? [] : [head]);
    await pushOrThrow(registry.as("admin"), buildPush(INFRA_PROJECT, "feature/registry", head, bundle));
    head = commit;
    return commit;
  };
  return {
    propose,
    async publish(text) {
      const commit = await propose(text);
      await setMain(registry.store, { tenant_id: "T.UBL", project_id: INFRA_PROJECT }, commit);
      return commit;
    },
  };
}
