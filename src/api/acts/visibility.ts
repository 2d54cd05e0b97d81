import type { Principal } from "../../lab256/identity/authentication.js";

interface OwnedProject {
  readonly owners: readonly string[];
  readonly visibility: string;
}

/** Whether a member sees a project in the catalog: a private one only if they own it, themselves or through an office. */
export function canSeeProject({ actor_id, offices }: Principal, { owners, visibility }: OwnedProject): boolean {
  return visibility !== "private" || owners.includes(actor_id) || offices.some(({ office_id }) => owners.includes(office_id));
}
