import type { CardAnswer } from "../../../client/answers.js";
import { requireValue } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { type MergeProtectedParams, mergeProtectedParamsSchema } from "../../../domain/act/job.js";
import { MAIN, refuseInfra } from "./checkout.js";

/** Returns the params of a card that merges. @throws InfraRefused for a card of another act */
export function parseMergeParams(card: CardAnswer): MergeProtectedParams {
  const params = mergeProtectedParamsSchema.safeParse(card["params"]);
  if (params.success) return params.data;
  throw refuseInfra(
    "pull_request_missing",
    `Card ${card.card_id} merges nothing; pass the card of a merge, or none for this branch's card.`,
  );
}

/** Finds the newest card that merges a branch into main, in any state. */
export async function findMergeCard(registry: RegistryClient, project_id: string, branch: string): Promise<CardAnswer | undefined> {
  for await (const { card_id, jobType } of registry.listCards({ project_id })) {
    if (jobType !== "git.registry.merge_protected") continue;
    const card = requireValue(await registry.readCard(card_id));
    const { source, target } = parseMergeParams(card);
    if (source === branch && target === MAIN) return card;
  }
  return undefined;
}
