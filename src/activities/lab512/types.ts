import type { Card } from "../../domain/card.js";
import type { Outcome } from "../../domain/denial.js";
import type { CommandEnvelope } from "../../domain/envelope.js";
import type { SignedHead } from "../../domain/ledger-head.js";
import type { Plan } from "../../domain/plan.js";
import type { RunnerAnswer } from "../../domain/receipt.js";
import type { SignedStatement } from "../../domain/statement.js";

export interface PlannedAct {
  readonly plan: Plan;
  readonly plan_digest: string;
}

export interface RunCommandInput {
  readonly envelope: CommandEnvelope;
  /** The approvals that count for the card's plan; evidence for a manifest or a Pact, never a reason to act. */
  readonly statements: readonly SignedStatement[];
  /** Counts how often the flow has scheduled this command; a later one takes the claim over from an earlier one. */
  readonly round: number;
}

/** What the Runner does for a flow. It reads and writes the object store only. Source: contracts "Planes". */
export interface Lab512Activities {
  /** Computes what the act would do now; needs no permit and writes nothing. */
  planAct(card: Pick<Card, "tenant_id" | "jobType" | "target" | "params">): Promise<Outcome<PlannedAct>>;
  /** Checks, claims, runs and answers one command with a signed receipt or refusal. */
  runCommand(input: RunCommandInput): Promise<RunnerAnswer>;
  /** Writes signed heads of the ledger as create-only objects. */
  anchorHeads(heads: readonly SignedHead[]): Promise<void>;
}
