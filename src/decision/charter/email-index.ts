import type { RecordWrite } from "../../domain/charter/records.js";
import type { WalkPoint } from "../../domain/charter/walk-point.js";
import { normalizeEmail } from "../../domain/email.js";

/** The persons for whom each address was ever verified. A later version that removes an address does not end that its holder is an author. */
export class EmailIndex {
  readonly #persons = new Map<string, Set<string>>();

  /** Records what an entry wrote. */
  record(writes: readonly RecordWrite[]): void {
    for (const { kind, id = "", value } of writes)
      if (kind === "person") for (const email of value.emails) this.#persons.set(email, (this.#persons.get(email) ?? new Set()).add(id));
  }

  /** Lists the persons of these addresses, each once, in order. */
  listPersons(emails: readonly string[]): readonly string[] {
    return [...new Set(emails.flatMap((email) => [...(this.#persons.get(normalizeEmail(email)) ?? [])]))].sort();
  }

  list(): WalkPoint["emails"] {
    return [...this.#persons].map(([email, ids]) => ({ email, person_ids: [...ids] }));
  }

  restore(emails: WalkPoint["emails"]): void {
    for (const { email, person_ids } of emails) this.#persons.set(email, new Set(person_ids));
  }
}
