import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import { buildEffect, type Projection, toPostgresText } from "./effect.js";

/** The commands and their outcomes. */
export const commandsProjection: Projection = {
  "command.issued": (write, { tenant_id, seq, at_ms, payload }) => {
    const { envelope, envelope_digest, project_id, actor_id, workflow_id, card_id } = payload;
    return buildEffect(
      [`commands/${envelope.jti}`, `commands job/${envelope.jobId}`],
      write.insertInto("commands").values({
        tenant_id,
        jti: envelope.jti,
        seq,
        job_id: envelope.jobId,
        job_type: envelope.jobType,
        project_id,
        target: envelope.target,
        actor_id,
        office_id: envelope.office_id,
        card_id,
        workflow_id,
        envelope: toCanonicalText(envelope),
        envelope_digest,
        status: "running",
        issued_at: at_ms,
      }),
    );
  },
  // A receipt states what really happened: it replaces an end without a receipt, and such an end does not replace it.
  "command.closed": (write, { tenant_id, at_ms, payload }) =>
    buildEffect(
      [`commands/${payload.jti}`],
      write
        .updateTable("commands")
        .set({
          status: payload.status,
          denial_code: payload.denial.code,
          denial_message: toPostgresText(payload.denial.message),
          finished_at: at_ms,
        })
        .where("tenant_id", "=", tenant_id)
        .where("jti", "=", payload.jti)
        .where("status", "=", "running"),
    ),
  "receipt.recorded": (write, { tenant_id, payload: { receipt } }) =>
    buildEffect(
      [`commands/${receipt.jti}`],
      write
        .updateTable("commands")
        .set({
          status: receipt.status,
          denial_code: receipt.code ?? null,
          denial_message: receipt.error === "" ? null : toPostgresText(receipt.error),
          finished_at: receipt.finished_at,
        })
        .where("tenant_id", "=", tenant_id)
        .where("jti", "=", receipt.jti),
    ),
};
