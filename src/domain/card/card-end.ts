import { buildDenial, type Denial } from "../denial.js";
import type { FlowStatus } from "./flow-status.js";
import type { Statement } from "./statement.js";

/** The end that a counted statement gives to its card, or undefined if the card stays open. An author's withdrawal withdraws the card. */
export function toCardEnd(
  decision: Statement["decision"],
  isByAuthor: boolean,
  approver: string,
): { readonly status: FlowStatus; readonly denial: Denial } | undefined {
  if (decision === "reject") return { status: "rejected", denial: buildDenial("rejected", `${approver} rejected the plan.`) };
  if (decision === "withdraw" && isByAuthor)
    return { status: "withdrawn", denial: buildDenial("withdrawn", `${approver} withdrew the card.`) };
  return undefined;
}
