import type { Outcome } from "../../domain/denial.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import { checkPack } from "../packs/check-pack.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { writeTag } from "./commit-object.js";

/** Makes an annotated tag object, and a pack of it alone, through the same checks as a pack from outside. */
export async function packTag(
  repository: OpenRepository,
  tag: { readonly name: string; readonly commit: string; readonly message: string },
  iatMs: number,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<{ id: string; pack: CheckedPack | undefined }>> {
  const scratch = repository.getScratch();
  const id = await writeTag(scratch, tag, iatMs);
  const path = scratch.resolvePath("made.pack");
  await repository.git.readOutput({
    gitDir: scratch.gitDir,
    args: ["pack-objects", "--stdout", "--quiet", "--threads=1"],
    input: Buffer.from(`${id}\n`),
    outputPath: path,
    signal,
  });
  const pack = await checkPack(repository, { path, offsetBytes: 0 }, limits, signal);
  return pack.ok ? { ok: true, value: { id, pack: pack.value } } : pack;
}
