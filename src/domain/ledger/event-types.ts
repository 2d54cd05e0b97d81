/** The types of the ledger's events. A webhook names those that it wants. */
export const EVENT_TYPES = [
  ...(["project.registered", "project.repo.bound", "project.activity", "project.release.tagged"] as const),
  ...(["card.opened", "card.planned", "card.approvals_voided", "card.approved", "card.rejected", "card.withdrawn"] as const),
  ...(["card.attested", "card.closed"] as const),
  ...(["permit.issued", "permit.revoked", "permit.expired", "permit.refused"] as const),
  ...(["command.issued", "command.closed", "receipt.recorded", "receipt.refused"] as const),
  ...(["charter.founded", "policy.published", "keys.rotated", "member.changed", "webhook.changed", "charter.sealed"] as const),
  ...(["tenant.founded", "charter.act_ended", "recovery.announced", "webhook.secret_renewed"] as const),
] as const;
export type EventType = (typeof EVENT_TYPES)[number];
