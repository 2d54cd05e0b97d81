import { type Blake3Hex, hashBlake3Hex } from "../../domain/bytes/hash.js";
import {
  type ActInput,
  actInputSchema,
  type Decision,
  type StatementAdmission,
  type StatementInput,
  statementInputSchema,
} from "../../domain/policy/policy-contract.js";
import { formatProblems, type ParseResult, parseWith } from "../../domain/problems.js";
import { extractPolicyRules, PolicyBytesError, readPolicyData } from "./bytes.js";
import type { PolicyData } from "./data.js";
import { compileRules, createEvaluator, ENTRYPOINTS, type Entrypoint, type Evaluator, formatFault } from "./evaluator.js";
import { type DecidingPolicy, withPasskeyFilter } from "./passkey-filter.js";
import { buildDeniedAdmission, buildDeniedDecision, type LoaderRule, parseAdmission, parseDecision } from "./result.js";

/** A tenant's policy. Its functions never throw: they deny what they cannot judge, with a reason. */
export interface Policy extends DecidingPolicy {
  /** `policy_hash`: BLAKE3 of the exact bytes, data included. Source: contracts "Canonical bytes and hashes". */
  readonly hash: Blake3Hex;
  /** The hash of the rules: of the bytes without the data. */
  readonly rules_hash: Blake3Hex;
  /** Decides whether the act may run, at which level, and what it requires. */
  decide(input: ActInput): Decision;
  /** Decides whether a statement counts towards its card's requirements. */
  admit(input: StatementInput): StatementAdmission;
}

/** Loads a `policy.wasm`. @throws PolicyBytesError if the bytes are not a policy. */
export async function loadPolicy(bytes: Uint8Array): Promise<Policy> {
  // The copy keeps hash and rules of the same bytes even if the caller changes its own.
  const own = Uint8Array.from(bytes);
  const data = readPolicyData(own);
  const rules = extractPolicyRules(own);
  const rules_hash = hashBlake3Hex(rules);
  const evaluator = createPolicyEvaluator(rules, rules_hash, data);
  return {
    hash: hashBlake3Hex(own),
    rules_hash,
    ...(await withPasskeyFilter(data)),
    decide: (input) => askPolicy(evaluator, "registry/act", () => parseWith(actInputSchema, input), parseDecision, buildDeniedDecision),
    admit: (input) =>
      askPolicy(evaluator, "registry/statement", () => parseWith(statementInputSchema, input), parseAdmission, buildDeniedAdmission),
  };
}

function askPolicy<T>(
  evaluator: Evaluator,
  entrypoint: Entrypoint,
  parse: () => ParseResult<unknown>,
  read: (answer: unknown) => T,
  deny: (rule: LoaderRule, text: string) => T,
): T {
  try {
    const parsed = parse();
    if (!parsed.ok) return deny("input.malformed", `The request has bad fields: ${formatProblems(parsed.problems)}`);
    const answer = evaluator.evaluate(entrypoint, parsed.value);
    if (answer.ok) return read(answer.answer);
    return deny(answer.fault === "input" ? "input.malformed" : "policy.fault", answer.text);
  } catch (fault) {
    return deny("policy.fault", `The policy could not judge this: ${formatFault(fault)}`);
  }
}

/** The number of rules that stay compiled. The policies of a registry mostly share theirs, and differ in their data. */
const RULES_MAX_COUNT = 8;

/** Compiled rules by the hash of their bytes. Compiling takes more than everything else that loading a policy does. */
const compiledRules = new Map<Blake3Hex, WebAssembly.Module>();

function findCompiledRules(rules: Uint8Array, hash: Blake3Hex): WebAssembly.Module {
  const compiled = compiledRules.get(hash) ?? compileRules(rules);
  compiledRules.set(hash, compiled);
  const [oldest] = compiledRules.keys();
  if (compiledRules.size > RULES_MAX_COUNT && oldest !== undefined) compiledRules.delete(oldest);
  return compiled;
}

function createPolicyEvaluator(rules: Uint8Array, rulesHash: Blake3Hex, data: PolicyData): Evaluator {
  let evaluator: Evaluator;
  try {
    evaluator = createEvaluator(findCompiledRules(rules, rulesHash), data);
  } catch (cause) {
    throw new PolicyBytesError("no_instance", "The bytes are not wasm that OPA built; build the policy with scripts/build-policy.ts.", {
      cause,
    });
  }
  const missing = ENTRYPOINTS.filter((entrypoint) => !evaluator.entrypoints.includes(entrypoint));
  if (missing.length > 0)
    throw new PolicyBytesError(
      "entrypoint_missing",
      `The policy has no entrypoint ${missing.join(", ")}; build it with scripts/build-policy.ts.`,
    );
  return evaluator;
}
