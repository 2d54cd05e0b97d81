import { z } from "zod";
import { toCanonicalText } from "../bytes/canonical.js";
import { decodeUtf8 } from "../bytes/utf8.js";
import { type AttestationEnvelope, attestationEnvelopeSchema } from "../card/attestation.js";
import { type Card, cardSchema } from "../card/card.js";
import { type SignedStatement, signedStatementSchema } from "../card/statement.js";
import { parseJson } from "../json.js";
import { type CommandEnvelope, envelopeSchema } from "../permit/envelope.js";
import { type ActInput, actInputSchema, type Decision, decisionSchema } from "../policy/policy-contract.js";
import { formatProblems, parseWith } from "../problems.js";
import type { Result } from "../result.js";
import { type Plan, planSchema } from "./plan.js";

/** What an act was decided on. */
export interface DecisionEvidence {
  /** The policy's input and its decision; absent in the record of an attempt that took the act over. */
  readonly decided?: { readonly input: ActInput; readonly decision: Decision };
  readonly card: Card | null;
  /** The approved plan; null without a card, and in the record of an attempt that took the act over. */
  readonly plan: Plan | null;
  /** The approvals that count. */
  readonly statements: readonly SignedStatement[];
  readonly attestations: readonly AttestationEnvelope[];
}

/** The record of one act, whose bytes are evidence (`logs_hash`). Source: contracts "Decided twice". */
export interface ActRecord {
  /** The command without its patch. */
  readonly command: CommandEnvelope;
  readonly evidence: DecisionEvidence;
  /** The lines of the Runner's log. */
  readonly log: readonly string[];
}

const lineSchemas = {
  log: z.strictObject({ at_ms: z.number(), log: z.string() }),
  dropped: z.strictObject({ dropped: z.int().positive() }),
  command: z.strictObject({ command: envelopeSchema }),
  input: z.strictObject({ input: actInputSchema }),
  decision: z.strictObject({ decision: decisionSchema }),
  card: z.strictObject({ card: cardSchema }),
  plan: z.strictObject({ plan: planSchema }),
  statement: z.strictObject({ statement: signedStatementSchema }),
  attestation: z.strictObject({ attestation: attestationEnvelopeSchema }),
};
type LineKind = keyof typeof lineSchemas;
const KINDS = Object.keys(lineSchemas) as readonly LineKind[];
const REPEATED: ReadonlySet<LineKind> = new Set(["log", "statement", "attestation"]);

/** Returns one line of a record: JCS and a line feed. */
export function toRecordLine(line: object): string {
  return `${toCanonicalText(line)}\n`;
}

/** Returns the lines that state an act's command and what it was decided on. */
export function toEvidenceLines(command: CommandEnvelope, { decided, card, plan, statements, attestations }: DecisionEvidence): string[] {
  const lines: object[] = [{ command }];
  if (decided !== undefined) lines.push({ input: decided.input }, { decision: decided.decision });
  if (card !== null) lines.push({ card });
  if (plan !== null) lines.push({ plan });
  return [...lines, ...statements.map((statement) => ({ statement })), ...attestations.map((attestation) => ({ attestation }))].map(
    toRecordLine,
  );
}

/** Parses a record. Each line must be canonical, so that no two readers can read it in two ways. `member` is the kind of the bad line. */
export function parseActRecord(bytes: Uint8Array): Result<ActRecord, { readonly member: string; readonly problem: string }> {
  const fail = (member: string, problem: string) => ({ ok: false, member, problem }) as const;
  const lines = decodeUtf8(bytes)?.split("\n");
  if (lines?.pop() !== "") return fail("", "It is not JSON Lines in UTF-8.");
  const found = new Map<LineKind, unknown[]>();
  for (const [at, text] of lines.entries()) {
    const value = parseJson(text);
    const kind = KINDS.find((name) => typeof value === "object" && value !== null && Object.hasOwn(value, name));
    if (kind === undefined) return fail("", `Line ${at + 1} is of no known kind, or not JSON with one meaning.`);
    const parsed = parseWith<object>(lineSchemas[kind], value);
    if (!parsed.ok) return fail(kind, `Line ${at + 1} is malformed: ${formatProblems(parsed.problems)}`);
    if (toCanonicalText(parsed.value) !== text) return fail(kind, `Line ${at + 1} is not canonical JSON (RFC 8785).`);
    const values = found.get(kind) ?? [];
    if (values.length > 0 && !REPEATED.has(kind)) return fail(kind, `Line ${at + 1} repeats \`${kind}\`.`);
    found.set(kind, [...values, (parsed.value as Record<string, unknown>)[kind]]);
  }
  const list = <T>(kind: LineKind) => (found.get(kind) ?? []) as readonly T[];
  const [command] = list<CommandEnvelope>("command");
  const [input] = list<ActInput>("input");
  const [decision] = list<Decision>("decision");
  if (command === undefined) return fail("command", "It names no command.");
  if ((input === undefined) !== (decision === undefined))
    return fail("decision", "It has only one of the policy's input and its decision.");
  const evidence: DecisionEvidence = {
    ...(input === undefined || decision === undefined ? {} : { decided: { input, decision } }),
    card: list<Card>("card")[0] ?? null,
    plan: list<Plan>("plan")[0] ?? null,
    statements: list("statement"),
    attestations: list("attestation"),
  };
  return { ok: true, value: { command, evidence, log: list("log") } };
}
