import { z } from "zod";
import { canonicalHash } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";
import { jwksSchema } from "../bytes/jwks.js";
import { verifyDsse } from "../bytes/signature.js";
import { denied, granted, type Outcome } from "../denial.js";
import { type Parsed, type Problem, parseWith, problemsText } from "../problems.js";

/** The payload type of an in-toto statement in a DSSE envelope. Source: in-toto attestation framework v1, "Envelope". */
export const ATTESTATION_PAYLOAD_TYPE = "application/vnd.in-toto+json";
/** Source: in-toto attestation framework v1, "Statement". */
export const IN_TOTO_STATEMENT = "https://in-toto.io/Statement/v1";

/** Every attestation that counts is kept in the ledger. */
const PAYLOAD_MAX_BYTES = 32 * 1024;
const SIGNATURES_MAX = 10;
const SUBJECTS_MAX = 100;

/** Padded base64 in its one canonical spelling (RFC 4648 §4), of at most `maxBytes`. */
const base64Schema = (maxBytes: number) =>
  z
    .string()
    .min(1, "Write base64.")
    .max(Math.ceil(maxBytes / 3) * 4, `At most ${maxBytes} bytes.`)
    .refine((text) => Buffer.from(text, "base64").toString("base64") === text, "Write padded base64 (RFC 4648 §4).");

const signatureSchema = z.strictObject({ keyid: z.string().min(1).max(64), sig: base64Schema(64) });

/** A DSSE v1 envelope around an in-toto statement. */
export const attestationEnvelopeSchema = z.strictObject({
  payloadType: z.literal(ATTESTATION_PAYLOAD_TYPE, `Write ${ATTESTATION_PAYLOAD_TYPE}.`),
  payload: base64Schema(PAYLOAD_MAX_BYTES),
  signatures: z.array(signatureSchema).min(1, "Sign it.").max(SIGNATURES_MAX, `At most ${SIGNATURES_MAX} signatures.`),
});
export type AttestationEnvelope = z.infer<typeof attestationEnvelopeSchema>;

/** What kind of claim an attestation makes: a URI, compared as text. */
export const predicateTypeSchema = z.string().min(1, "Write a predicate type.").max(500, "At most 500 characters.");

const subjectSchema = z.strictObject({
  name: z.string().min(1).max(500),
  digest: z.record(z.string(), z.string()),
  uri: z.string().optional(),
  content: z.string().optional(),
  downloadLocation: z.string().optional(),
  mediaType: z.string().optional(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});

const inTotoStatementSchema = z.strictObject({
  _type: z.literal(IN_TOTO_STATEMENT, `Write ${IN_TOTO_STATEMENT}.`),
  subject: z.array(subjectSchema).min(1, "Name the card.").max(SUBJECTS_MAX, `At most ${SUBJECTS_MAX} subjects.`),
  predicateType: predicateTypeSchema,
  predicate: z.record(z.string(), z.unknown()).optional(),
});
export type InTotoStatement = z.infer<typeof inTotoStatementSchema>;

/** Whose keys may sign an attestation, by its predicate type. Part of a policy's data, so that `policy_hash` commits to it. */
export const attestorsSchema = z.record(predicateTypeSchema, jwksSchema);
export type Attestors = z.infer<typeof attestorsSchema>;

/** What an attestation must be about, and by whom. */
export interface AttestationExpectation {
  readonly card_id: string;
  readonly plan_digest: Blake3Hex;
  /** Those that the plan's requirements name. */
  readonly predicate_types: readonly string[];
  readonly attestors: Attestors;
}

export interface VerifiedAttestation {
  /** The envelope with the one signature that was verified: others could be added to it by anybody. */
  readonly envelope: AttestationEnvelope;
  /** BLAKE3 of JCS of `envelope`. */
  readonly attestation_digest: Blake3Hex;
  readonly predicate_type: string;
  readonly keyid: string;
}

/**
 * Verifies that `candidate` attests this very plan of this very card: its shape, that its predicate type is asked for, the signature of
 * a key that the policy names for that type, and its subject. Every refusal is `attestation_invalid` and says which of these it is.
 */
export function verifyAttestation(candidate: unknown, expected: AttestationExpectation): Outcome<VerifiedAttestation> {
  const parsed = parseAttestation(candidate);
  if (!parsed.ok) return invalid(`The attestation is malformed: ${problemsText(parsed.problems)}`);
  const { envelope, body, statement } = parsed.value;
  const { predicateType, subject } = statement;
  if (!expected.predicate_types.includes(predicateType)) return invalid(notAskedFor(predicateType, expected.predicate_types));
  const keys = Object.hasOwn(expected.attestors, predicateType) ? (expected.attestors[predicateType]?.keys ?? []) : [];
  const known = envelope.signatures.flatMap((signature) => {
    const jwk = keys.find(({ kid }) => kid === signature.keyid);
    return jwk === undefined ? [] : [{ signature, jwk }];
  });
  if (known.length === 0)
    return invalid(`The policy names none of its signing keys as an attestor of ${predicateType}; \`keyid\` is the key's \`kid\`.`);
  const good = known.find(({ signature, jwk }) => verifyDsse(envelope.payloadType, body, signature.sig, jwk));
  if (good === undefined) return invalid("Its signature is not that of its key over the DSSE encoding of the payload.");
  const { card_id, plan_digest } = expected;
  const about = subject.filter(({ name }) => name === card_id);
  if (about.length === 0) return invalid(`No subject of it has the name ${card_id}.`);
  if (!about.some(({ digest }) => digest["blake3"] === plan_digest))
    return invalid(`It is about another plan: the subject ${card_id} must have the \`blake3\` digest ${plan_digest}.`);
  const kept = { ...envelope, signatures: [good.signature] };
  return granted({
    envelope: kept,
    attestation_digest: canonicalHash(kept),
    predicate_type: predicateType,
    keyid: good.signature.keyid,
  });
}

interface ParsedAttestation {
  readonly envelope: AttestationEnvelope;
  /** The payload's bytes, which are what is signed. */
  readonly body: Uint8Array;
  readonly statement: InTotoStatement;
}

function parseAttestation(candidate: unknown): Parsed<ParsedAttestation> {
  const envelope = parseWith(attestationEnvelopeSchema, candidate);
  if (!envelope.ok) return envelope;
  const body = Buffer.from(envelope.value.payload, "base64");
  const json = jsonIn(body);
  if (!json.ok) return json;
  const statement = parseWith(inTotoStatementSchema, json.value);
  if (!statement.ok) return { ok: false, problems: statement.problems.map(inPayload) };
  return { ok: true, value: { envelope: envelope.value, body, statement: statement.value } };
}

function jsonIn(body: Uint8Array): Parsed<unknown> {
  try {
    return { ok: true, value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) };
  } catch {
    return { ok: false, problems: [{ field: "payload", problem: "These bytes are not JSON in UTF-8." }] };
  }
}

function inPayload({ field, problem }: Problem): Problem {
  return { field: field === "" ? "payload" : `payload.${field}`, problem };
}

function notAskedFor(predicateType: string, wanted: readonly string[]): string {
  const asked = wanted.length === 0 ? "none" : wanted.join(", ");
  return `The plan asks for no attestation of type ${predicateType}; it asks for ${asked}.`;
}

function invalid(message: string) {
  return denied("attestation_invalid", message);
}
