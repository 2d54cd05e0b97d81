import type { ChangeAnswer, ChangeParamsAnswer } from "../../client/answers.js";
import type { AnnouncedChange } from "../../domain/charter/change.js";
import { computePasskeyFingerprint } from "../../domain/charter/passkeys.js";
import { type CharterActor, type Person, toRecordKey } from "../../domain/charter/records.js";
import { describeRecovery } from "../../domain/charter/recovery.js";
import type { WebhookRecord } from "../../domain/ledger/webhook.js";

/**
 * Formats what a change does to a charter: to whom it gives power, from whom it takes some, and the records that it writes, with what a person
 * decides on in each.
 */
export function formatChangeLines({ records, gives_power_to, takes_power_from }: ChangeAnswer, params: ChangeParamsAnswer): string[] {
  const details = new Map(formatMembers(params));
  for (const [id, webhook] of Object.entries(params.webhooks ?? {})) details.set(toRecordKey("webhook", id), formatWebhookLines(webhook));
  if (params.policy_hash !== undefined) details.set("policy", [params.policy_hash]);
  for (const { use, jwk } of params.add ?? []) details.set(toRecordKey("key", jwk.kid), [`adds for the use ${use}`]);
  for (const kid of params.revoke ?? []) details.set(toRecordKey("key", kid), ["revokes"]);
  if (params.recovery !== undefined) details.set("recovery", [describeRecovery(params.recovery)]);
  if (params.tenant_id !== undefined) details.set(toRecordKey("tenant", params.tenant_id), formatTenantLines(params));
  return [
    `  gives     power to ${gives_power_to.join(", ") || "nobody"}`,
    `  takes     power from ${takes_power_from.join(", ") || "nobody"}`,
    ...records.flatMap(({ record, before }) => [
      `  record    ${record}${before === null ? ", new" : ""}`,
      ...(details.get(record) ?? []).map((line) => `            ${line}`),
    ]),
  ];
}

/** Formats a change that recovery keys announce, as far as it can be told without the charter. */
export function formatAnnouncedLines({ jobType, params }: AnnouncedChange): string[] {
  switch (jobType) {
    case "registry.policy.publish":
      return [`  policy    ${params.policy_hash}`];
    case "registry.keys.rotate":
      return [
        ...params.add.map(({ use, jwk }) => `  adds      ${use} ${jwk.kid}`),
        ...params.revoke.map((kid) => `  revokes   ${kid}`),
        ...(params.recovery === undefined ? [] : [`  recovery  ${describeRecovery(params.recovery)}`]),
      ];
    case "registry.members.change":
      return formatMembers(params).flatMap(([record, lines]) => [`  record    ${record}`, ...lines.map((line) => `            ${line}`)]);
  }
}

function formatMembers({ persons = {}, actors = {} }: Pick<ChangeParamsAnswer, "persons" | "actors">): [string, string[]][] {
  return [
    ...Object.entries(persons).map(([id, person]): [string, string[]] => [toRecordKey("person", id), formatPersonLines(person)]),
    ...Object.entries(actors).map(([id, actor]): [string, string[]] => [toRecordKey("actor", id), formatActorLines(actor)]),
  ];
}

/** Whoever approves the founding of a tenant approves everything in its version 1. */
function formatTenantLines({ founding_jwk, allowance, entry }: ChangeParamsAnswer): string[] {
  const lines = [`founding key ${founding_jwk?.x ?? ""}`];
  if (allowance !== undefined)
    lines.push(
      `folder ${allowance.fs_scope}, network ${allowance.network_whitelist.join(", ") || "none"}`,
      `jobs ${allowance.jobs.join(", ") || "none"}`,
    );
  if (entry === undefined) return lines;
  const { policy_hash, keys, relying_parties, recovery, ...members } = entry.change.params;
  lines.push(`policy ${policy_hash}`);
  for (const [kid, { use }] of Object.entries(keys)) lines.push(`key ${use} ${kid}`);
  for (const [id, { use, origins }] of Object.entries(relying_parties)) lines.push(`relying party ${id}, ${use}: ${origins.join(", ")}`);
  if (recovery !== undefined) lines.push(describeRecovery(recovery));
  for (const [record, below] of formatMembers(members)) lines.push(record, ...below.map((line) => `  ${line}`));
  return lines;
}

/** Whoever approves it decides who sees every event. */
function formatWebhookLines({ url, types, retries_ms, disabled }: WebhookRecord): string[] {
  return [`${disabled ? "disabled, " : ""}sends to ${url}`, `events ${types?.join(", ") ?? "all"}, ${retries_ms.length} retries`];
}

function formatPersonLines({ name, emails, passkeys, disabled }: Person): string[] {
  return [
    `${name}${disabled ? ", disabled" : ""}`,
    `e-mails ${emails.join(", ") || "none"}`,
    ...passkeys.map(
      (passkey) => `passkey ${computePasskeyFingerprint(passkey)} up to ${passkey.counts_to} for ${passkey.relying_party}: ${passkey.name}`,
    ),
  ];
}

function formatActorLines({ name, person_id, offices, disabled }: CharterActor): string[] {
  const held = offices.map(({ office_id, roles, until }) => {
    const end = until === undefined ? "" : ` until ${new Date(until).toISOString()}`;
    return `${[office_id, ...roles].join(" as ")}${end}`;
  });
  return [`${name} of ${person_id}${disabled ? ", disabled" : ""}`, `offices ${held.join(", ") || "none"}`];
}
