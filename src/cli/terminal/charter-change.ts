import type { ChangeAnswer, ChangeParamsAnswer } from "../../client/answers.js";
import { computePasskeyFingerprint } from "../../domain/charter/passkeys.js";
import { type CharterActor, type Person, toRecordKey } from "../../domain/charter/records.js";

/**
 * Formats what a change does to a charter: to whom it gives power, from whom it takes some, and the records that it writes, with all addresses
 * and passkeys of each person.
 */
export function formatChangeLines({ records, gives_power_to, takes_power_from }: ChangeAnswer, params: ChangeParamsAnswer): string[] {
  const details = new Map([
    ...Object.entries(params.persons ?? {}).map(([id, person]) => [toRecordKey("person", id), formatPersonLines(person)] as const),
    ...Object.entries(params.actors ?? {}).map(([id, actor]) => [toRecordKey("actor", id), formatActorLines(actor)] as const),
  ]);
  return [
    `  gives     power to ${gives_power_to.join(", ") || "nobody"}`,
    `  takes     power from ${takes_power_from.join(", ") || "nobody"}`,
    ...records.flatMap(({ record, before }) => [
      `  record    ${record}${before === null ? ", new" : ""}`,
      ...(details.get(record) ?? []).map((line) => `            ${line}`),
    ]),
  ];
}

function formatPersonLines({ name, emails, passkeys, disabled }: Person): string[] {
  return [
    `${name}${disabled ? ", disabled" : ""}`,
    `e-mails ${emails.join(", ") || "none"}`,
    ...passkeys.map((passkey) => `passkey ${computePasskeyFingerprint(passkey)} up to ${passkey.counts_to}: ${passkey.name}`),
  ];
}

function formatActorLines({ name, person_id, offices, disabled }: CharterActor): string[] {
  const held = offices.map(({ office_id, roles }) => [office_id, ...roles].join(" as "));
  return [`${name} of ${person_id}${disabled ? ", disabled" : ""}`, `offices ${held.join(", ") || "none"}`];
}
