import { z } from "zod";
import { toShownLine } from "../../domain/shown-text.js";

/** Problem details (RFC 9457) with the registry's members. */
export const problemSchema = z.looseObject({
  title: z.string().default("The registry refused"),
  /** The HTTP status, or `expired` in place of it. */
  status: z.union([z.number(), z.string()]).default(0),
  detail: z.string().default(""),
  code: z.string().default("internal"),
  errors: z.array(z.looseObject({ field: z.string(), problem: z.string() })).optional(),
  next: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** The registry's answer: a value or a problem. */
export type Answer<T> =
  | { readonly ok: true; readonly status: number; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly problem: Problem };

/** The registry refused, and the caller can only report it. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(readonly problem: Problem) {
    super(formatProblem(problem));
  }
}

/** The registry is unreachable, or its answer is not a registry's; the message tells what to do. */
export class RegistryFault extends Error {
  override readonly name = "RegistryFault";
}

/** Returns the value of an answer. @throws Refused */
export function requireValue<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Refused(answer.problem);
  return answer.value;
}

/** Like {@link requireValue}; a refusal with one of these codes says what its caller can do next. @throws Refused */
export function requireValueOr<T>(answer: Answer<T>, next: Readonly<Record<string, string>>): T {
  if (answer.ok) return answer.value;
  const { problem } = answer;
  throw new Refused({ ...problem, next: next[problem.code] ?? problem.next });
}

/** Formats a problem as one paragraph: what is wrong, with which field, and what to do next. */
export function formatProblem({ detail, title, code, errors = [], next }: Problem): string {
  const fields = errors.map(({ field, problem }) => (field === "" ? problem : `${field}: ${problem}`));
  const sentences = [detail === "" ? title : detail, ...fields.filter((text) => !detail.includes(text)), next ?? ""];
  return toShownLine(`${sentences.filter((text) => text !== "").join(" ")} (${code})`);
}
