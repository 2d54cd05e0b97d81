import { z } from "zod";

/** Problem details (RFC 9457) with the registry's members; what else an answer says is kept. */
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

/** What the registry answered: a value either way. */
export type Answer<T> =
  | {
      readonly ok: true;
      readonly status: number;
      readonly value: T;
      /** The cursor that continues a list after this page; absent at its end (RFC 8288). */
      readonly next?: string;
    }
  | { readonly ok: false; readonly status: number; readonly problem: Problem };

/** The registry refused, where the caller has nothing else to do than to say so. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(readonly problem: Problem) {
    super(formatProblem(problem));
  }
}

/** The registry could not be asked, or answered what no registry answers; the message says what to do. */
export class RegistryFault extends Error {
  override readonly name = "RegistryFault";
}

/** The value of an answer. @throws Refused */
export function requireValue<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Refused(answer.problem);
  return answer.value;
}

/** The problem as one paragraph: what is wrong, with which field, and what to do next. */
export function formatProblem({ detail, title, code, errors = [], next }: Problem): string {
  const fields = errors.map(({ field, problem }) => (field === "" ? problem : `${field}: ${problem}`));
  const sentences = [detail === "" ? title : detail, ...fields.filter((text) => !detail.includes(text)), next ?? ""];
  return `${sentences.filter((text) => text !== "").join(" ")} (${code})`;
}
