import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import { insertOnce, type Projection } from "./effect.js";

/** The Runner's signed answers: at most one receipt per `jti` and at most one refusal per envelope. */
export const receiptsProjection: Projection = {
  "receipt.recorded": (write, { tenant_id, seq, payload: { receipt, actor_id, card_id } }) =>
    insertOnce(write, "receipts", `receipts/${receipt.jti}`, {
      tenant_id,
      jti: receipt.jti,
      seq,
      job_id: receipt.jobId,
      job_type: receipt.jobType,
      project_id: receipt.project_id,
      status: receipt.status,
      actor_id,
      card_id,
      receipt: toCanonicalText(receipt),
      finished_at: receipt.finished_at,
    }),
  "receipt.refused": (write, { tenant_id, seq, payload: { refusal, card_id } }) =>
    insertOnce(write, "refusals", `refusals/${refusal.envelope_digest}`, {
      tenant_id,
      envelope_digest: refusal.envelope_digest,
      seq,
      jti: refusal.jti,
      job_id: refusal.jobId,
      code: refusal.code,
      card_id,
      refusal: toCanonicalText(refusal),
      finished_at: refusal.finished_at,
    }),
};
