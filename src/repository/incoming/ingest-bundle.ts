import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { OpenRepository } from "../open-repository.js";
import { checkPack } from "../packs/check-pack.js";
import { BUNDLE_HEADER_MAX_BYTES, parseBundleHeader } from "./bundle-header.js";
import { countIncomingBytes, type IncomingBytes, readBeginning, toGitInput } from "./incoming-bytes.js";
import type { IncomingLimits } from "./incoming-limits.js";
import type { IngestedPush } from "./ingested.js";

/**
 * Returns the tip of a bundle and its pack, checked in the scratch repository. Denials: `bundle_invalid`, `prerequisite_missing`, and a
 * pack's.
 */
export async function ingestBundle(
  repository: OpenRepository,
  incoming: IncomingBytes,
  limits: IncomingLimits,
): Promise<Outcome<IngestedPush>> {
  const parsed = parseBundleHeader(await readBeginning(incoming, BUNDLE_HEADER_MAX_BYTES));
  if (!parsed.ok) return parsed;
  const header = parsed.value;
  if (header.objectCount > limits.objectsMaxCount)
    return denyWith(
      "limit_exceeded",
      `The bundle has ${header.objectCount} objects; ${limits.objectsMaxCount} are allowed at once. Push the history in several steps.`,
    );
  if (countIncomingBytes(incoming) - header.packOffsetBytes > limits.packMaxBytes)
    return denyWith("limit_exceeded", `The pack is larger than ${limits.packMaxBytes} bytes. Push the history in several steps.`);

  const prerequisites = await Promise.all(
    header.prerequisites.map(async (id) => ({ id, found: await repository.getReader().readInfo(id) })),
  );
  const missing = prerequisites.find(({ found }) => found?.type !== "commit");
  if (missing !== undefined)
    return denyWith(
      "prerequisite_missing",
      `The bundle builds on commit ${missing.id}, which the repository does not have. Push that commit first, or bundle it too.`,
    );

  const pack = await checkPack(repository, toGitInput(incoming, header.packOffsetBytes), limits);
  if (!pack.ok) return pack;
  return grantValue({ tip: header.tip, pack: pack.value, created: [] });
}
