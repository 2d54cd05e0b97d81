import type { NewestCharter } from "../decision/charter/newest-charter.js";
import { loadPolicy, type Policy } from "../decision/policy/policy.js";
import { type ActRecord, parseActRecord } from "../domain/act/act-record.js";
import { hashInfra, type Infra } from "../domain/act/infra-context.js";
import { hashCanonical, toCanonicalText } from "../domain/bytes/canonical.js";
import { hashBlake3Hex } from "../domain/bytes/hash.js";
import { checkBinding, checkSubject } from "../domain/permit/binding.js";
import { type Claim, claimSchema } from "../domain/permit/claim.js";
import { hashEnvelope } from "../domain/permit/envelope.js";
import type { Receipt } from "../domain/permit/receipt.js";
import { isServiceActor } from "../domain/service-actor.js";
import { toClaimKey, toPolicyBytesKey, toReceiptKey, toRunnerLogKey } from "../domain/storage-key.js";
import type { EvidenceFiles } from "./evidence-files.js";
import { failAt, requireThat } from "./failure.js";
import { describeVersions, type WalkedCharter } from "./walked-charter.js";

/** A receipt with the record and the command that it names. */
export interface RecordedAct {
  readonly receipt: Receipt;
  readonly record: ActRecord;
  readonly charter: NewestCharter;
}

/** Reads the record of an act. */
export async function readRecord(files: EvidenceFiles, receipt: Receipt): Promise<ActRecord> {
  const { tenant_id, project_id, jti, logs_key, logs_hash } = receipt;
  const receiptFile = toReceiptKey(tenant_id, jti);
  const wanted = toRunnerLogKey(tenant_id, project_id, logs_key.split("/")[3] ?? "", jti, logs_hash);
  requireThat(logs_key === wanted, receiptFile, "logs_key", "It is not the key of this act's record.");
  const bytes = await files.read(logs_key);
  requireThat(hashBlake3Hex(bytes) === logs_hash, logs_key, "", "Its BLAKE3 is not the `logs_hash` of the receipt.");
  const parsed = parseActRecord(bytes);
  return parsed.ok ? parsed.value : failAt(logs_key, parsed.member, parsed.problem);
}

/** Checks the command and its permit, and that the receipt is the answer to it. */
export function checkCommand({ receipt, record, charter }: RecordedAct): void {
  const { command } = record;
  const { permit } = command;
  const receiptFile = toReceiptKey(receipt.tenant_id, receipt.jti);
  const at = (member: string) => `command.${member}`;
  requireThat(
    hashEnvelope(command) === receipt.envelope_digest,
    receipt.logs_key,
    "command",
    "It is not the command whose digest the receipt names.",
  );
  for (const member of ["tenant_id", "jti", "jobId", "jobType", "policy_hash"] as const)
    requireThat(command[member] === receipt[member], receiptFile, member, "The command that it answers has another one.");
  requireThat(command.params.project_id === receipt.project_id, receiptFile, "project_id", "The command that it answers has another one.");
  const bound = checkBinding(command, charter.listKeys("permit"), command.target);
  if (!bound.ok) failAt(receipt.logs_key, at("permit"), bound.denial.message);
  requireThat(
    charter.findKeyAt(permit.kid, "permit", permit.scopes) !== undefined,
    receipt.logs_key,
    at("permit.kid"),
    `${permit.kid} is not a valid permit key in ${describeVersions(permit.scopes)}.`,
  );
  const subject = checkSubject(command);
  if (!subject.ok) failAt(receipt.logs_key, at("params"), subject.denial.message);
  checkBreakGlass({ receipt, record });
  const { actor_id } = permit.scopes;
  requireThat(receipt.actor_id === actor_id, receiptFile, "actor_id", `The permit is for ${actor_id}.`);
  const person = isServiceActor(actor_id) ? null : (charter.find("actor", actor_id)?.person_id ?? null);
  requireThat(receipt.person_id === person, receiptFile, "person_id", `In the charter, ${actor_id} belongs to ${person ?? "nobody"}.`);
}

/** Checks that the receipt says of an emergency what the card says. An attempt that took the act over may have recorded no card. */
function checkBreakGlass({ receipt, record }: Pick<RecordedAct, "receipt" | "record">): void {
  const { card, statements } = record.evidence;
  if (card === null && statements.length > 0) return;
  requireThat(
    isSame(receipt.break_glass, card?.break_glass),
    toReceiptKey(receipt.tenant_id, receipt.jti),
    "break_glass",
    card?.break_glass === undefined ? "The card declares no emergency." : `The card declares the emergency: ${card.break_glass.reason}`,
  );
}

function isSame(left: unknown, right: unknown): boolean {
  return left === undefined || right === undefined ? left === right : toCanonicalText(left) === toCanonicalText(right);
}

/** Reads the claim, which a Runner signed for this command before the permit expired. */
export async function readClaim(
  { files, charter }: { readonly files: EvidenceFiles; readonly charter: WalkedCharter },
  { receipt, record }: RecordedAct,
): Promise<Claim> {
  const file = toClaimKey(receipt.tenant_id, receipt.jti);
  const claim = await files.readJson(file, claimSchema);
  charter.checkRunnerSignature("claim", claim, file);
  for (const member of ["tenant_id", "jti", "envelope_digest", "infra_revision", "break_glass", "solo"] as const)
    requireThat(isSame(claim[member], receipt[member]), file, member, "The receipt has another one.");
  const digests = record.evidence.statements.map((signed) => hashCanonical(signed));
  requireThat(
    toCanonicalText(digests) === toCanonicalText(claim.statement_digests),
    receipt.logs_key,
    "statement",
    `${file} names others.`,
  );
  const { exp } = record.command.permit;
  requireThat(receipt.status !== "success" || claim.claimed_at < exp, file, "claimed_at", "The permit had expired.");
  return claim;
}

/** Reads the policy by which the act was decided. */
export async function readPolicy(files: EvidenceFiles, { receipt, charter }: RecordedAct): Promise<Policy> {
  const { tenant_id, jti, policy_hash, charter_version } = receipt;
  requireThat(
    charter.policy_hash === policy_hash,
    toReceiptKey(tenant_id, jti),
    "policy_hash",
    `In version ${charter_version} of the charter, the policy is ${charter.policy_hash}.`,
  );
  const file = toPolicyBytesKey(tenant_id, policy_hash);
  const bytes = await files.read(file);
  requireThat(hashBlake3Hex(bytes) === policy_hash, file, "", "Its BLAKE3 is not its name.");
  return loadPolicy(bytes);
}

/** Finds the infra context that the act was decided by; the permit binds its hash. */
export function findInfra({ receipt, record }: RecordedAct): Infra {
  const { decided, plan } = record.evidence;
  const { infra_hash } = record.command.permit.scopes;
  const infra = plan?.basis.infra ?? decided?.input.infra ?? (infra_hash === undefined ? "none" : undefined);
  if (infra === undefined)
    return failAt(receipt.logs_key, "input", "The record is of an attempt that took the act over, and does not name the infra context.");
  requireThat(hashInfra(infra) === infra_hash, receipt.logs_key, "input.infra", "It is not the infra context that the permit binds.");
  return infra;
}
