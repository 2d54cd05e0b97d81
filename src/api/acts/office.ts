import type { Principal } from "../../lab256/identity/authentication.js";
import { buildProblem, type ProblemAnswer } from "../http/problem.js";

const DEFAULT_OFFICE = "office::default";

type ActingOffice = { readonly ok: true; readonly office_id: string } | { readonly ok: false; readonly problem: ProblemAnswer };

/**
 * Returns the office through which a request acts: the one it names, if the caller holds it; otherwise the caller's only one, or
 * `office::default`. Source: contracts "Levels".
 */
export function resolveActingOffice({ actor_id, offices }: Principal, named: string | undefined): ActingOffice {
  const held = offices.map(({ office_id }) => office_id);
  if (named !== undefined) {
    if (held.includes(named)) return { ok: true, office_id: named };
    return { ok: false, problem: buildProblem("forbidden", `${actor_id} does not hold ${named}.`) };
  }
  const [only] = held;
  if (only !== undefined && held.length === 1) return { ok: true, office_id: only };
  if (held.includes(DEFAULT_OFFICE)) return { ok: true, office_id: DEFAULT_OFFICE };
  const errors = [{ field: "office_id", problem: held.length === 0 ? "You hold no office." : `Name one of yours: ${held.join(", ")}.` }];
  return { ok: false, problem: buildProblem("invalid_request", "The request does not say through which office it acts.", { errors }) };
}
