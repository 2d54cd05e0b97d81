import { denied, granted, type Outcome } from "../../domain/denial.js";
import type { OpenRepository } from "../open-repository.js";
import { takePack } from "../packs/check-pack.js";
import { BUNDLE_HEADER_MAX_BYTES, parseBundleHeader } from "./bundle-header.js";
import { beginningOf, gitInput, type IncomingBytes, incomingSize } from "./incoming-bytes.js";
import type { IncomingLimits } from "./incoming-limits.js";
import type { Ingested } from "./ingested.js";

/** The tip of a bundle and its pack, checked in the scratch repository. Denials: `bundle_invalid`, `prerequisite_missing`, and a pack's. */
export async function ingestBundle(
  repository: OpenRepository,
  incoming: IncomingBytes,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<Ingested>> {
  const parsed = parseBundleHeader(await beginningOf(incoming, BUNDLE_HEADER_MAX_BYTES));
  if (!parsed.ok) return parsed;
  const header = parsed.value;
  if (header.object_count > limits.objects_max_count)
    return denied(
      "limit_exceeded",
      `The bundle has ${header.object_count} objects; ${limits.objects_max_count} are allowed at once. Push the history in several steps.`,
    );
  if (incomingSize(incoming) - header.pack_offset_bytes > limits.pack_max_bytes)
    return denied("limit_exceeded", `The pack is larger than ${limits.pack_max_bytes} bytes. Push the history in several steps.`);

  const prerequisites = await Promise.all(header.prerequisites.map(async (id) => ({ id, found: await repository.reader().info(id) })));
  const missing = prerequisites.find(({ found }) => found?.type !== "commit");
  if (missing !== undefined)
    return denied(
      "prerequisite_missing",
      `The bundle builds on commit ${missing.id}, which the repository does not have. Push that commit first, or bundle it too.`,
    );

  const pack = await takePack(repository, gitInput(incoming, header.pack_offset_bytes), limits, signal);
  if (!pack.ok) return pack;
  return granted({ tip: header.tip, pack: pack.value, created: [] });
}
