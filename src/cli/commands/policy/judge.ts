import { z } from "zod";
import type { Policy } from "../../../decision/policy/policy.js";
import { LEVELS } from "../../../domain/level.js";
import { actInputSchema, type Decision } from "../../../domain/policy/policy-contract.js";
import { RegistryCommand } from "../../cli-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";
import { formatDecisionLines } from "../../terminal/decision.js";
import { parseParams } from "../../terminal/dry-run.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { readPolicyAt } from "./policy-at.js";

interface JudgeOptions {
  readonly policy?: string;
}

/** `ogr policy explain`: what a policy decides about an act. */
export function buildPolicyExplainCommand(): RegistryCommand<JudgeOptions> {
  return buildJudgeCommand("explain <input-file>", "evaluate a policy on an act's input, on this machine; - reads standard input")
    .addExamples("ogr policy explain input.json", "ogr policy explain input.json --policy policy.wasm --json")
    .run(async ({ options, arguments: [file = ""], out, openClient }) => {
      const input = parseParams(actInputSchema, await readJsonInput("the input", file));
      const { policy } = await readPolicyAt(options.policy, openClient);
      const decision = policy.decide(input);
      const verdict = decision.allowed ? "allowed, once its requirements are met" : "denied";
      out.print(
        { policy_hash: policy.hash, ...decision },
        [`${input.job_type} is ${verdict}`, ...formatDecisionLines(decision), `  policy    ${policy.hash}`].join("\n"),
      );
    });
}

/** `ogr policy test`: whether a policy decides as expected. */
export function buildPolicyTestCommand(): RegistryCommand<JudgeOptions> {
  return buildJudgeCommand("test <cases-file>", "check what a policy decides about a list of acts, on this machine; - reads standard input")
    .addExamples("ogr policy test cases.json --policy policy.wasm", "ogr policy test cases.json --json | jq 'select(.ok | not)'")
    .run(async ({ options, arguments: [file = ""], out, openClient }) => {
      const cases = parseParams(casesSchema, await readJsonInput("the cases", file));
      const { policy } = await readPolicyAt(options.policy, openClient);
      const results = cases.map((one) => judgeCase(policy, one));
      for (const result of results)
        out.print(result, [`${result.ok ? "✓" : "✗"} ${result.name}`, ...result.problems.map((text) => `  ${text}`)].join("\n"));
      const failed = results.filter(({ ok }) => !ok).length;
      out.remark(`${results.length - failed} of ${results.length} cases passed with the policy ${policy.hash}.`);
      if (failed > 0) throw new UnsuccessfulExit(EXIT.error);
    });
}

function buildJudgeCommand(name: string, description: string): RegistryCommand<JudgeOptions> {
  return new RegistryCommand<JudgeOptions>(name, description).option("--policy <hash-or-file>", "the policy (default: the active policy)");
}

const caseSchema = z.strictObject({
  name: z.string().min(1, "Write a name."),
  input: actInputSchema,
  expect: z.strictObject({
    allowed: z.boolean(),
    level: z.enum(LEVELS, "Write a level from `L0` to `L5`.").optional(),
    /** Rules that are among the reasons. */
    rules: z.array(z.string().min(1)).optional(),
  }),
});
type Case = z.infer<typeof caseSchema>;

const casesSchema = z.array(caseSchema, "Write a list of cases: [{name, input, expect}].").min(1, "Write at least one case.");

function judgeCase(policy: Policy, { name, input, expect }: Case) {
  const decision = policy.decide(input);
  const problems = listProblems(decision, expect);
  return { name, ok: problems.length === 0, problems, decision };
}

function listProblems({ allowed, level, reasons }: Decision, expect: Case["expect"]): string[] {
  const found = reasons.map(({ rule }) => rule);
  const missing = (expect.rules ?? []).filter((rule) => !found.includes(rule));
  return [
    ...(allowed === expect.allowed ? [] : [`allowed is ${allowed}: ${reasons.map(({ text }) => text).join(" ")}`]),
    ...(expect.level === undefined || level === expect.level ? [] : [`level is ${level ?? "none"}, expected ${expect.level}`]),
    ...(missing.length === 0 ? [] : [`rules are ${found.join(", ")}; ${missing.join(", ")} is missing`]),
  ];
}
