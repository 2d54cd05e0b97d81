import { z } from "zod";

/**
 * The versions of charters whose keys an object rests on. `operator_version` is that of the operator's charter, whose keys count for the uses of
 * which the tenant's charter names none. It is present exactly if version `charter_version` of the tenant's charter names no key for one of the
 * uses by which acts are verified. Source: contracts "Charter".
 */
export const charterVersionsShape = {
  charter_version: z.int().positive(),
  operator_version: z.int().positive().optional(),
};

export interface CharterVersions {
  readonly charter_version: number;
  readonly operator_version?: number | undefined;
}

/** Picks the member that an entry's authority has: its version of the tenant's charter is the one before the entry. */
export function pickOperatorVersion({ operator_version }: Pick<CharterVersions, "operator_version">): { operator_version?: number } {
  return operator_version === undefined ? {} : { operator_version };
}
