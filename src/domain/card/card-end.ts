import { buildDenial, type Denial } from "../denial.js";
import type { FlowStatus } from "./flow-status.js";
import type { Statement } from "./statement.js";

/**
 * The end that a counted statement gives to its card, or undefined if the card stays open. An author's withdrawal withdraws the card, and a
 * rejection rejects it unless more are needed.
 */
export function toCardEnd(
  decision: Statement["decision"],
  approver: string,
  { by_author, more_rejections = 0 }: { readonly by_author: boolean; readonly more_rejections?: number | undefined },
): { readonly status: FlowStatus; readonly denial: Denial } | undefined {
  if (decision === "reject" && more_rejections === 0)
    return { status: "rejected", denial: buildDenial("rejected", `${approver} rejected the plan.`) };
  if (decision === "withdraw" && by_author)
    return { status: "withdrawn", denial: buildDenial("withdrawn", `${approver} withdrew the card.`) };
  return undefined;
}
