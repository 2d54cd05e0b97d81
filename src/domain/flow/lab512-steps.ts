import type { Plan } from "../act/plan.js";
import type { ActAuthority } from "../card/authority.js";
import type { ProposedAct } from "../card/card.js";
import type { AppendedEntry } from "../charter/entry.js";
import type { SentEntry } from "../charter/recovery-request.js";
import type { Outcome } from "../denial.js";
import type { SignedHead } from "../ledger/ledger-head.js";
import type { CommandEnvelope } from "../permit/envelope.js";
import type { RunnerAnswer } from "../permit/receipt.js";

export interface PlannedAct {
  readonly plan: Plan;
  readonly plan_digest: string;
}

/** The type of the failure of {@link Lab512Activities.anchorHeads}. */
export const ANCHOR_REFUSED = "anchor_refused";

export interface RunCommandInput {
  readonly envelope: CommandEnvelope;
  /** What an act with a card rests on, null for one without. The Runner verifies all of it. */
  readonly authority: ActAuthority | null;
  /** Counts how often the flow has scheduled this command. A later execution takes over the claim of an earlier one. */
  readonly round: number;
}

/** The Runner's steps of a flow. They read and write the object store only. Source: contracts "Planes". */
export interface Lab512Activities {
  /** Plans what the act would do now. Needs no permit and writes nothing. */
  planAct(act: ProposedAct): Promise<Outcome<PlannedAct>>;
  /** Checks, claims and runs one command. Returns its signed receipt or refusal. */
  runCommand(input: RunCommandInput): Promise<RunnerAnswer>;
  /**
   * Writes signed heads of the ledger as create-only objects.
   *
   * @throws an {@link ANCHOR_REFUSED} failure if some are refused. Its details list their containers; the others are anchored.
   */
  anchorHeads(heads: readonly SignedHead[]): Promise<void>;
  /** Checks what was signed against the charter and creates the entry. A repeated call has no second effect. */
  appendCharterEntry(sent: SentEntry): Promise<Outcome<AppendedEntry>>;
}
