import type { Outcome } from "../../domain/denial.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { makePack } from "../packs/make-pack.js";
import { writeTag } from "./commit-object.js";
import type { Making } from "./making.js";

/** Creates an annotated tag object and a pack that contains only it. */
export async function packTag(
  repository: OpenRepository,
  tag: { readonly name: string; readonly commit: string; readonly message: string },
  making: Making,
  limits: IncomingLimits,
): Promise<Outcome<{ id: string; pack: CheckedPack | undefined }>> {
  const id = await writeTag(repository.getScratch(), tag, making);
  const pack = await makePack(repository, [], [id], limits);
  return pack.ok ? { ok: true, value: { id, pack: pack.value } } : pack;
}
