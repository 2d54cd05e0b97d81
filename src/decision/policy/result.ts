import { z } from "zod";
import { admissionSchema, type Decision, decisionSchema, type StatementAdmission } from "../../domain/policy/policy-contract.js";
import { formatProblems, toFieldProblems } from "../../domain/problems.js";

/** The loader's own rules; every other rule id comes from the policy. */
export type LoaderRule = "policy.undefined" | "policy.malformed" | "policy.fault" | "input.malformed";

/** The wasm returns no result or one. Source: OPA "Wasm", result set. */
const noResult = z.tuple([]);
const oneResult = z.tuple([z.object({ result: z.unknown() })]);

export function buildDeniedDecision(rule: LoaderRule, text: string): Decision {
  return {
    allowed: false,
    level: null,
    reasons: [{ rule, text }],
    requires: [],
    permit_ttl_ms: 0,
    decide_within_ms: 0,
    max_run_ms: 0,
  };
}

export function buildDeniedAdmission(rule: LoaderRule, text: string): StatementAdmission {
  return { counts: false, reasons: [{ rule, text }] };
}

export function parseDecision(answer: unknown): Decision {
  return parseResult(answer, decisionSchema, buildDeniedDecision);
}

export function parseAdmission(answer: unknown): StatementAdmission {
  return parseResult(answer, admissionSchema, buildDeniedAdmission);
}

function parseResult<T>(answer: unknown, schema: z.ZodType<T>, buildDenied: (rule: LoaderRule, text: string) => T): T {
  if (noResult.safeParse(answer).success) return buildDenied("policy.undefined", "The policy has no answer to this, so it is denied.");
  const one = oneResult.safeParse(answer);
  if (!one.success)
    return buildDenied(
      "policy.malformed",
      "The policy's answer is not a result set; publish a policy that is built by scripts/build-policy.ts.",
    );
  const result = schema.safeParse(one.data[0].result);
  if (result.success) return result.data;
  return buildDenied("policy.malformed", `The policy's answer has bad fields: ${formatProblems(toFieldProblems(result.error))}`);
}
