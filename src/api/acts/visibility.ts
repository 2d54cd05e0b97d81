import type { Principal } from "../../lab256/identity/authentication.js";

interface Owned {
  readonly owners: readonly string[];
  readonly visibility: string;
}

/** Whether a member sees a project in the catalog: a private one only if they own it, themselves or through an office. */
export function sees({ actor_id, offices }: Principal, { owners, visibility }: Owned): boolean {
  return visibility !== "private" || owners.includes(actor_id) || offices.some(({ office_id }) => owners.includes(office_id));
}
