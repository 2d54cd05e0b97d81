import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { pushed, pushOf } from "../scenarios/acts.js";
import { commitRegistry, setMain } from "./registries.js";

export const KEEPER = "P.infra";

/** The project that keeps the infra registry of a running registry. */
export interface Keeper {
  /** Pushes a text of the registry, and of its changelog where one is given, to `feature/registry`; answers the commit. */
  propose(text: string, changelog?: string): Promise<string>;
  /** Pushes a text of the registry to a feature branch, and points main there as a merge does; answers the commit. */
  publish(text: string): Promise<string>;
}

export function keeperOf(registry: ServedRegistry): Keeper {
  const clone = new Clone();
  let head: string | null = null;
  const propose = async (text: string, changelog?: string): Promise<string> => {
    const commit = commitRegistry(clone, text, changelog);
    const bundle = clone.bundle("main", head === null ? [] : [head]);
    await pushed(registry.as("admin"), pushOf(KEEPER, "feature/registry", head, bundle));
    head = commit;
    return commit;
  };
  return {
    propose,
    async publish(text) {
      const commit = await propose(text);
      await setMain(registry.store, { tenant_id: "T.UBL", project_id: KEEPER }, commit);
      return commit;
    },
  };
}
