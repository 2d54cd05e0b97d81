import type { Outcome } from "../../domain/denial.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import { checkPack } from "./check-pack.js";
import type { CheckedPack } from "./checked-pack.js";

/**
 * Packs objects of the scratch repository, with the same checks as for a pack from outside. `lines` are ids, or with `--revs` the
 * revisions of git-pack-objects(1). Returns undefined if the range is empty.
 */
export async function makePack(
  repository: OpenRepository,
  options: readonly "--revs"[],
  lines: readonly string[],
  limits: IncomingLimits,
): Promise<Outcome<CheckedPack | undefined>> {
  const { resolvePath } = repository.getScratch();
  const path = resolvePath("made.pack");
  await repository.readGitOutput({
    args: ["pack-objects", ...options, "--stdout", "--quiet", "--threads=1"],
    input: Buffer.from(lines.map((line) => `${line}\n`).join("")),
    outputPath: path,
  });
  return checkPack(repository, { path, offsetBytes: 0 }, limits);
}
