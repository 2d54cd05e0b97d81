import { z } from "zod";
import { DENIAL_STATUS, type Denial, type DenialCode } from "../../domain/denial.js";
import type { FieldProblem } from "../../domain/problems.js";

/** The HTTP statuses of the api's own errors, besides the registry's denials. */
const API_STATUS = {
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  invalid_request: 400,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  share_exceeded: 429,
  overloaded: 503,
  unavailable: 503,
  internal: 500,
} as const;
export type ProblemCode = keyof typeof API_STATUS | DenialCode;

const PROBLEM_STATUS: Readonly<Record<ProblemCode, number>> = { ...API_STATUS, ...DENIAL_STATUS };
export const PROBLEM_CODES = Object.keys(PROBLEM_STATUS) as readonly ProblemCode[];

/** The HTTP status that goes with a code; 403 for a denial that only another release knows. */
export function toHttpStatus(code: ProblemCode): number {
  return PROBLEM_STATUS[code] ?? 403;
}

/** The `Retry-After` of a 503, in seconds. */
const RETRY_AFTER_S = 2;

/**
 * A problem document (RFC 9457). `status` is the HTTP status, but for an expired permit, where the contract says "expired" (a consumer
 * ignores a member of another type, RFC 9457 §3.1).
 */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.union([z.int(), z.literal("expired")]),
  detail: z.string(),
  code: z.enum(PROBLEM_CODES),
  errors: z.array(z.object({ field: z.string(), problem: z.string() })).optional(),
  next: z.string().optional(),
});
type ProblemDocument = Readonly<z.infer<typeof problemSchema>> & { readonly [extension: string]: unknown };

export interface ProblemAnswer {
  readonly kind: "problem";
  readonly status: number;
  readonly body: ProblemDocument;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ProblemMembers {
  /** Another HTTP status than the code's own. */
  readonly status?: number;
  readonly errors?: readonly FieldProblem[];
  /** The caller's next step, in a sentence. */
  readonly next?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Extension members (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Builds an error answer: `detail` is a sentence for people, `code` is for programs. */
export function buildProblem(
  code: ProblemCode,
  detail: string,
  { status = toHttpStatus(code), errors, next, headers = {}, members }: ProblemMembers = {},
): ProblemAnswer {
  const body: ProblemDocument = {
    type: `urn:ubl:problem:${code}`,
    title: formatProblemTitle(code),
    status,
    detail,
    code,
    ...(errors === undefined ? {} : { errors: [...errors] }),
    ...(next === undefined ? {} : { next }),
    ...members,
  };
  return { kind: "problem", status, body, headers };
}

/** Builds the answer to a denial of the registry. */
export function buildDenialProblem({ code, message }: Denial, more: ProblemMembers = {}): ProblemAnswer {
  return buildProblem(code, message, more);
}

/** A dependency does not answer. Nothing was done partially, so a retry is safe. */
export function refuseUnavailable(what: string): ProblemAnswer {
  return buildProblem("unavailable", `${what} Try again in a moment.`, { headers: { "retry-after": String(RETRY_AFTER_S) } });
}

/** This process is fully loaded; nothing was started. */
export function refuseOverloaded(what: string, retryAfterS: number = RETRY_AFTER_S): ProblemAnswer {
  return buildProblem("overloaded", what, buildRetryMembers(retryAfterS));
}

/** The caller has used its share; nothing was started. */
export function refuseShareExceeded(what: string, retryAfterS: number): ProblemAnswer {
  return buildProblem("share_exceeded", what, buildRetryMembers(retryAfterS));
}

function buildRetryMembers(seconds: number): ProblemMembers {
  return { next: `Ask again after ${seconds} s.`, headers: { "retry-after": String(seconds) } };
}

export function refuseNotFound(what: string): ProblemAnswer {
  return buildProblem("not_found", `${what} does not exist, or is not yours to see.`);
}

function formatProblemTitle(code: ProblemCode): string {
  const words = code.replaceAll("_", " ");
  return words[0]?.toUpperCase() + words.slice(1);
}
