import type { Outcome } from "../../src/domain/denial.js";

/** Returns the value of an outcome. @throws if it is a denial */
export function requireOutcome<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.denial.code}: ${outcome.denial.message}`);
  return outcome.value;
}
