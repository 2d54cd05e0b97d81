import type { CardAnswer } from "../../../client/answers.js";
import { submitDecision } from "../../../client/deciding.js";
import { requireValue } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { waitForApprovedAct, waitForCardToLeave, waitsForDecisions } from "../../../client/waiting.js";
import type { StatementDecision } from "../../../domain/card/statement.js";
import { RegistryCommand } from "../../cli-command.js";
import { openOwnPasskeys } from "../../connection/own-passkeys.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";
import { ACT_MAX_MS, reportCardEnd, showCardUntilEnd } from "../../outcome.js";
import { canAsk, requireConsent } from "../../terminal/consent.js";
import { printDryRun } from "../../terminal/dry-run.js";
import { buildDryRunOption, buildOfficeOption, buildYesOption } from "../../terminal/option-values.js";
import type { Output } from "../../terminal/output.js";
import { withProgress } from "../../terminal/progress.js";
import { formatCard } from "../../terminal/text.js";

/** The end that each decision aims for. */
const ENDS = { approve: "success", reject: "rejected", withdraw: "withdrawn" } as const;

const EXAMPLES = {
  approve: ["ogr card approve k-b06e3b3672441f6c4167", "ogr card approve k-b06e3b3672441f6c4167 --yes --wait"],
  reject: ["ogr card reject k-b06e3b3672441f6c4167 --yes"],
  withdraw: ["ogr card withdraw k-b06e3b3672441f6c4167    # your approval, or as its author the card"],
} as const;

interface DecideOptions {
  readonly office: string;
  readonly yes?: boolean;
  readonly plan?: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** `ogr card approve|reject|withdraw`: states a decision about the card's plan, with step-up if its level needs one. */
export function buildCardDecisionCommand(decision: StatementDecision): RegistryCommand {
  return new RegistryCommand<DecideOptions>(`${decision} <card>`, `${decision} a card's plan`)
    .addOption(buildOfficeOption())
    .option("--plan <digest>", "decide only on this plan")
    .option("--wait", "wait until the card has ended")
    .addOption(buildYesOption())
    .addOption(buildDryRunOption())
    .addExamples(...EXAMPLES[decision])
    .run(async ({ options, arguments: [card_id = ""], out, openClient }) => {
      const registry = await openClient();
      const card = requireValue(await registry.readCard(card_id));
      const plan_digest = options.plan ?? card.plan_digest ?? undefined;
      if (options.dryRun) return printStatementDryRun(registry, card, decision, options, out);
      if (canAsk(out) && !options.yes) {
        out.remark(formatCard(card));
        await requireConsent(out, `Do you ${decision} this plan?`, options);
      }
      const wanted = { card_id, decision, office_id: options.office, plan_digest };
      const after = await withProgress(out, "submitting the statement", async (step) => {
        requireValue(await submitDecision(registry, await openOwnPasskeys(), wanted));
        step("waiting for the card");
        return waitForCardToLeave(registry, card_id, ["planning"], ACT_MAX_MS);
      });
      if (!options.wait && !isDecisive(decision, after, registry.actor_id)) return out.print(after, formatCard(after));
      const last = options.wait
        ? await showCardUntilEnd(registry, after, out)
        : await withProgress(out, "waiting for its end", () => waitForApprovedAct(registry, card_id, ACT_MAX_MS));
      if (waitsForDecisions(last)) reportNewPlan(last, out);
      else if (last.status === ENDS[decision]) out.print(last, formatCard(last));
      else reportCardEnd(last, out);
    });
}

/** Prints a card whose plan changed between its last approval and the act. @throws UnsuccessfulExit */
function reportNewPlan(card: CardAnswer, out: Output): never {
  const again = "The plan changed before the act, so the approvals count no more. Review it, and approve it again with:";
  out.print(card, `${formatCard(card)}\n\n${again} ogr card approve ${card.card_id}`);
  throw new UnsuccessfulExit(EXIT.needs_approval);
}

/** Shows the statement that would be signed. The registry prepares it and stores nothing. */
async function printStatementDryRun(
  registry: RegistryClient,
  card: CardAnswer,
  decision: StatementDecision,
  { office }: DecideOptions,
  out: Output,
): Promise<void> {
  const { statement, step_up } = requireValue(await registry.prepareStatement(card.card_id, decision, office));
  const lines = [
    formatCard(card),
    `You would ${decision} the plan ${statement.plan_digest}`,
    `  office    ${statement.office_id}`,
    `  step-up   ${step_up === null ? "not required" : "with one of your passkeys"}`,
  ];
  printDryRun(out, registry, { act: `card.${decision}`, card_id: card.card_id, statement, step_up: step_up !== null }, lines.join("\n"));
}

/** Whether an accepted statement ends the card, or leaves it waiting for others. */
function isDecisive(decision: StatementDecision, card: CardAnswer, actorId: string): boolean {
  if (card.status !== "awaiting_approval" || decision === "reject") return true;
  return decision === "approve" ? card.missing.length === 0 : card.author.actor_id === actorId;
}
