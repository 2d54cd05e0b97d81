import { z } from "zod";
import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";
import { jwksSchema } from "../bytes/jwks.js";
import { verifyDsse } from "../bytes/signature.js";
import { denyWith, grantValue, type Outcome } from "../denial.js";
import { parseJsonBytes } from "../json.js";
import { type FieldProblem, formatProblems, type ParseResult, parseWith } from "../problems.js";

/** The payload type of an in-toto statement in a DSSE envelope. Source: in-toto attestation framework v1, "Envelope". */
export const ATTESTATION_PAYLOAD_TYPE = "application/vnd.in-toto+json";
/** Source: in-toto attestation framework v1, "Statement". */
export const IN_TOTO_STATEMENT = "https://in-toto.io/Statement/v1";

/** Limited, because the ledger keeps every attestation that counts. */
const PAYLOAD_MAX_BYTES = 32 * 1024;
const SIGNATURES_MAX = 10;
const SUBJECTS_MAX = 100;

/** Padded base64 in its canonical spelling (RFC 4648 §4), of at most `maxBytes`. */
const buildBase64Schema = (maxBytes: number) =>
  z
    .string()
    .min(1, "Write base64.")
    .max(Math.ceil(maxBytes / 3) * 4, `At most ${maxBytes} bytes.`)
    .refine((text) => Buffer.from(text, "base64").toString("base64") === text, "Write padded base64 (RFC 4648 §4).");

const signatureSchema = z.strictObject({ keyid: z.string().min(1).max(64), sig: buildBase64Schema(64) });

/** A DSSE v1 envelope around an in-toto statement. */
export const attestationEnvelopeSchema = z.strictObject({
  payloadType: z.literal(ATTESTATION_PAYLOAD_TYPE, `Write ${ATTESTATION_PAYLOAD_TYPE}.`),
  payload: buildBase64Schema(PAYLOAD_MAX_BYTES),
  signatures: z.array(signatureSchema).min(1, "Sign it.").max(SIGNATURES_MAX, `At most ${SIGNATURES_MAX} signatures.`),
});
export type AttestationEnvelope = z.infer<typeof attestationEnvelopeSchema>;

/** Base64 as DSSE allows it: standard or URL-safe, with or without padding, of at most `maxBytes`. Source: DSSE v1, "Envelope". */
const buildAnyBase64Schema = (maxBytes: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/_-]+={0,2}$/, "Write base64.")
    .max(Math.ceil(maxBytes / 3) * 4, `At most ${maxBytes} bytes.`);

/** An envelope as other software writes it: what is not known is ignored, and a signature need not name its key (DSSE v1). */
export const foreignEnvelopeSchema = z.object({
  payloadType: z.literal(ATTESTATION_PAYLOAD_TYPE, `Write ${ATTESTATION_PAYLOAD_TYPE}.`),
  payload: buildAnyBase64Schema(PAYLOAD_MAX_BYTES),
  signatures: z
    .array(z.object({ keyid: z.string().max(1000).optional(), sig: buildAnyBase64Schema(64) }))
    .min(1, "Sign it.")
    .max(SIGNATURES_MAX, `At most ${SIGNATURES_MAX} signatures.`),
});
export type ForeignEnvelope = z.infer<typeof foreignEnvelopeSchema>;

/** Returns a base64 text in its canonical spelling. */
const normaliseBase64 = (text: string): string => Buffer.from(text, "base64").toString("base64");

/** The type of an attestation's claim: a URI, compared as text. */
export const predicateTypeSchema = z.string().min(1, "Write a predicate type.").max(500, "At most 500 characters.");

const subjectSchema = z.object({
  name: z.string().min(1).max(500),
  digest: z.record(z.string(), z.string()),
  uri: z.string().optional(),
  content: z.string().optional(),
  downloadLocation: z.string().optional(),
  mediaType: z.string().optional(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});

/** Members that are not known are ignored (in-toto attestation framework v1, "Parsing rules"). */
const inTotoStatementSchema = z.object({
  _type: z.literal(IN_TOTO_STATEMENT, `Write ${IN_TOTO_STATEMENT}.`),
  subject: z.array(subjectSchema).min(1, "Name the card.").max(SUBJECTS_MAX, `At most ${SUBJECTS_MAX} subjects.`),
  predicateType: predicateTypeSchema,
  predicate: z.record(z.string(), z.unknown()).optional(),
});
export type InTotoStatement = z.infer<typeof inTotoStatementSchema>;

/** The keys that may sign an attestation, by its predicate type. They are part of a policy's data, so `policy_hash` commits to them. */
export const attestorsSchema = z.record(predicateTypeSchema, jwksSchema);
export type Attestors = z.infer<typeof attestorsSchema>;

/** What an attestation must be about, and who may sign it. */
export interface AttestationExpectation {
  readonly cardId: string;
  readonly planDigest: Blake3Hex;
  /** The types that the plan's requirements name. */
  readonly predicateTypes: readonly string[];
  readonly attestors: Attestors;
}

export interface VerifiedAttestation {
  /** The envelope with only the verified signature and its key, because anyone could add others, in its one spelling. */
  readonly envelope: AttestationEnvelope;
  /** The BLAKE3 of the JCS of `envelope`. */
  readonly attestation_digest: Blake3Hex;
  readonly predicate_type: string;
  readonly keyid: string;
}

/**
 * Verifies that `candidate` attests this plan of this card: its shape, a predicate type that the plan requires, a signature by a key that
 * the policy names for that type, and its subject. Every denial is `attestation_invalid` and names the failed check.
 */
export function verifyAttestation(candidate: unknown, expected: AttestationExpectation): Outcome<VerifiedAttestation> {
  const parsed = parseAttestation(candidate);
  if (!parsed.ok) return denyAttestation(`The attestation is malformed: ${formatProblems(parsed.problems)}`);
  const { envelope, body, statement } = parsed.value;
  const { predicateType, subject } = statement;
  if (!expected.predicateTypes.includes(predicateType))
    return denyAttestation(formatUnrequestedType(predicateType, expected.predicateTypes));
  const keys = Object.hasOwn(expected.attestors, predicateType) ? (expected.attestors[predicateType]?.keys ?? []) : [];
  // A key id is a hint (DSSE v1): without one, each key of the policy is tried.
  const known = envelope.signatures.flatMap(({ keyid = "", sig }) =>
    keys
      .filter(({ kid }) => keyid === "" || kid === keyid)
      .map((jwk) => ({ signature: { keyid: jwk.kid, sig: normaliseBase64(sig) }, jwk })),
  );
  if (known.length === 0)
    return denyAttestation(`The policy names none of its signing keys as an attestor of ${predicateType}; \`keyid\` is the key's \`kid\`.`);
  const valid = known.find(({ signature, jwk }) => verifyDsse(envelope.payloadType, body, signature.sig, jwk));
  if (valid === undefined) return denyAttestation("Its signature by that key over the DSSE encoding of the payload is not valid.");
  const { cardId, planDigest } = expected;
  const subjects = subject.filter(({ name }) => name === cardId);
  if (subjects.length === 0) return denyAttestation(`It has no subject named ${cardId}.`);
  if (!subjects.some(({ digest }) => digest["blake3"] === planDigest))
    return denyAttestation(`It is for another plan: the subject ${cardId} must have the \`blake3\` digest ${planDigest}.`);
  const kept = { payloadType: envelope.payloadType, payload: normaliseBase64(envelope.payload), signatures: [valid.signature] };
  return grantValue({
    envelope: kept,
    attestation_digest: hashCanonical(kept),
    predicate_type: predicateType,
    keyid: valid.signature.keyid,
  });
}

interface ParsedAttestation {
  readonly envelope: ForeignEnvelope;
  /** The signed bytes of the payload. */
  readonly body: Uint8Array;
  readonly statement: InTotoStatement;
}

function parseAttestation(candidate: unknown): ParseResult<ParsedAttestation> {
  const envelope = parseWith(foreignEnvelopeSchema, candidate);
  if (!envelope.ok) return envelope;
  const body = Buffer.from(envelope.value.payload, "base64");
  const json = parseJsonBytes(body);
  if (json === undefined) return { ok: false, problems: [{ field: "payload", problem: "These bytes are not JSON in UTF-8." }] };
  const statement = parseWith(inTotoStatementSchema, json);
  if (!statement.ok) return { ok: false, problems: statement.problems.map(toPayloadProblem) };
  return { ok: true, value: { envelope: envelope.value, body, statement: statement.value } };
}

function toPayloadProblem({ field, problem }: FieldProblem): FieldProblem {
  return { field: field === "" ? "payload" : `payload.${field}`, problem };
}

function formatUnrequestedType(predicateType: string, wanted: readonly string[]): string {
  const required = wanted.length === 0 ? "none" : wanted.join(", ");
  return `The plan requires no attestation of type ${predicateType}; it requires ${required}.`;
}

function denyAttestation(message: string) {
  return denyWith("attestation_invalid", message);
}
