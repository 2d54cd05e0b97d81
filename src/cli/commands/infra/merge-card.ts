import type { CardAnswer } from "../../../client/answers.js";
import { requireValue } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { type MergeProtectedParams, mergeProtectedParamsSchema } from "../../../domain/act/job.js";
import { MAIN, refuseInfra } from "./checkout.js";

/** How many cards a search for a branch's card reads, the newest first. */
const CARDS_MAX = 200;

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
  const cards = requireValue(await registry.listCards({ project_id, limit: CARDS_MAX }));
  for (const { card_id, jobType } of cards) {
    if (jobType !== "git.registry.merge_protected") continue;
    const card = requireValue(await registry.readCard(card_id));
    const { source, target } = parseMergeParams(card);
    if (source === branch && target === MAIN) return card;
  }
  return undefined;
}
