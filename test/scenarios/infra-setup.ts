import type { ServedRegistry } from "../harness/registry.js";
import type { Entry } from "../infra-engine/registries.js";
import type { Clone } from "../repository/real-git.js";

/** What the scenarios of an infra registry share: `publish` makes another registry the one on main, `revision` is its commit. */
export interface InfraSetup {
  readonly registry: ServedRegistry;
  readonly clone: Clone;
  /** The only commit of the clone. */
  readonly base: string;
  publish(changes?: Readonly<Record<string, Entry | undefined>>, telemetry?: string): Promise<string>;
  revision(): string;
}
