import { hashCanonical } from "../domain/bytes/canonical.js";
import type { Card } from "../domain/card/card.js";
import type { Passkey } from "../domain/charter/records.js";
import type { NewestCharter } from "./charter/newest-charter.js";

/**
 * Returns the passkeys that a person keeps by a card of their own that does nothing but take away others of their passkeys; undefined for any
 * other card. That person decides it alone, with one that they keep. Source: contracts "Charter".
 */
export function findKeptPasskeys(charter: NewestCharter, card: Card, personId: string | null): readonly Passkey[] | undefined {
  if (card.jobType !== "registry.members.change" || personId === null || card.author.person_id !== personId) return undefined;
  const { persons, actors } = card.params;
  const before = charter.find("person", personId);
  const after = persons[personId];
  if (before === undefined || after === undefined || Object.keys(persons).length !== 1 || Object.keys(actors).length > 0) return undefined;
  const kept = before.passkeys.filter(({ credential_id }) => after.passkeys.some((passkey) => passkey.credential_id === credential_id));
  return hashCanonical({ ...before, passkeys: kept }) === hashCanonical(after) ? kept : undefined;
}
