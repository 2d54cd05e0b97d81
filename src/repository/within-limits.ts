import { type Denial, denyWith, grantValue, type Outcome, wrapDenial } from "../domain/denial.js";
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

/** Returns the result of `work`, or `denial` if git crashed: the same input would make it crash again, on every Runner. */
export async function denyCrash<T>(work: () => Promise<Outcome<T>>, denial: Denial): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GitFault && error.code === "crashed") return wrapDenial(denial);
    throw error;
  }
}
