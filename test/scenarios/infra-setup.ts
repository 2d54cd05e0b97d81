import type { ServedRegistry } from "../harness/registry.js";
import type { Entry } from "../infra-engine/registries.js";
import type { Clone } from "../repository/real-git.js";

/** Shared by the scenarios of an infra registry. `publish` replaces the registry on main, and `revision` returns its commit. */
export interface InfraSetup {
  readonly registry: ServedRegistry;
  readonly clone: Clone;
  /** The only commit of the clone. */
  readonly base: string;
  publish(changes?: Readonly<Record<string, Entry | undefined>>, telemetry?: string): Promise<string>;
  revision(): string;
}
