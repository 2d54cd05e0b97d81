import { z } from "zod";
import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";

/** The maximum length of a repository name in a registry, in UTF-16 units. */
const NAME_MAX = 1024;

/** `missing`: the registry does not name the project. `unavailable`: the registry itself cannot be read. */
const INFRA_STATES = ["enabled", "disabled", "missing", "unavailable"] as const;

/**
 * The infra registry's entry for a project. `is_registry`: the project holds the infra registry itself. The denials of its own states do
 * not apply to it, because otherwise it could not be repaired. Source: infra registry v2, contracts "Infra registry v2".
 */
export const infraContextSchema = z.strictObject({
  state: z.enum(INFRA_STATES, "Write `enabled`, `disabled`, `missing` or `unavailable`."),
  context: z.enum(["sandbox", "production"], "Write `sandbox` or `production`.").nullable(),
  telemetry_repo: z.string().max(NAME_MAX, `At most ${NAME_MAX} characters.`).nullable(),
  is_registry: z.boolean(),
});
export type InfraContext = z.infer<typeof infraContextSchema>;

/** The project's resolved infra context, or "none" in a deployment without an infra registry. */
export const infraSchema = z.union([z.literal("none"), infraContextSchema]);
export type Infra = z.infer<typeof infraSchema>;

/** A revision of the registry: a commit id, or the BLAKE3 of a file's bytes. */
export const infraRevisionSchema = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, "Write a commit id or a BLAKE3 digest.");

/** A context and the revision of the registry that it was read from, or null without a registry. */
export interface ResolvedInfra {
  readonly infra: Infra;
  readonly revision: string | null;
}

export const NO_INFRA: ResolvedInfra = { infra: "none", revision: null };

/**
 * Computes the hash that a permit binds. It covers the context but not the revision, so that a change of another project has no effect
 * here.
 */
export function hashInfra(infra: Infra): Blake3Hex | undefined {
  return infra === "none" ? undefined : hashCanonical(infra);
}
