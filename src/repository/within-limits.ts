import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import { GitFault } from "./git-fault.js";

/**
 * Returns the result of `work`, or `limit_exceeded` with `sentence` if git reached a limit of its call, because a retry would reach it
 * again.
 */
export async function runWithinLimits<T>(work: Promise<T>, sentence: string): Promise<Outcome<T>> {
  try {
    return grantValue(await work);
  } catch (error) {
    if (error instanceof GitFault && (error.code === "timed_out" || error.code === "output_too_large"))
      return denyWith("limit_exceeded", sentence);
    throw error;
  }
}
