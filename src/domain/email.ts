/** Normalizes an address for storage and lookup, because git and people write it in any letter case. */
export function normalizeEmail(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}
