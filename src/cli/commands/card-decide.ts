import { confirm, isCancel } from "@clack/prompts";
import type { Command } from "commander";
import type { CardAnswer } from "../../client/answers.js";
import { decide } from "../../client/deciding.js";
import { required } from "../../client/problem.js";
import { cardBeyond, cardEnd } from "../../client/waiting.js";
import type { Decision } from "../../domain/statement.js";
import { concluded } from "../card-outcome.js";
import { registryLeaf } from "../leaf.js";
import { ownPasskeys } from "../own-passkeys.js";
import { cardText } from "../text.js";
import { UsageError } from "../usage.js";

const ACT_MS = 900_000;

/** The end that a decision means. */
const ENDS = { approve: "success", reject: "rejected", withdraw: "withdrawn" } as const;

interface DecideOptions {
  readonly office: string;
  readonly yes?: boolean;
  readonly plan?: string;
  readonly wait?: boolean;
}

/** `ogr card approve|reject|withdraw`: a statement about the card's plan, with step-up where its level needs one. */
export function cardDecide(decision: Decision): Command {
  return registryLeaf<DecideOptions>(
    `${decision} <card>`,
    `${decision} a card's plan`,
    async ({ options, arguments: [card_id = ""], out, client }) => {
      const registry = await client();
      const card = required(await registry.card(card_id));
      const plan_digest = options.plan ?? card.plan_digest ?? undefined;
      if (process.stdin.isTTY && !out.json && !options.yes) {
        out.print(card, cardText(card));
        const agreed = await confirm({ message: `Do you ${decision} this plan?` });
        if (isCancel(agreed) || !agreed) throw new UsageError("Nothing was stated.");
      }
      required(await decide(registry, await ownPasskeys(), { card_id, decision, office_id: options.office, plan_digest }));
      const after = await cardBeyond(registry, card_id, ["planning"], ACT_MS);
      if (!options.wait && !completes(decision, after, registry.actor_id)) return out.print(after, cardText(after));
      const last = await cardEnd(registry, card_id, ACT_MS);
      if (last.status === ENDS[decision]) out.print(last, cardText(last));
      else concluded(last, out);
    },
  )
    .option("--office <office>", "the office that you speak for", "office::default")
    .option("--plan <digest>", "state it only about this plan")
    .option("--yes", "do not ask")
    .option("--wait", "wait until the card has come to its end");
}

/** Whether a statement that was accepted brings the card to its end: one that does not leaves it waiting for others. */
function completes(decision: Decision, card: CardAnswer, actorId: string): boolean {
  if (card.status !== "awaiting_approval" || decision === "reject") return true;
  return decision === "approve" ? card.missing.length === 0 : card.author.actor_id === actorId;
}
