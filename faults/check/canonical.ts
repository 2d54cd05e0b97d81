/** JCS (RFC 8785) for values of the registry, whose only numbers are safe integers and short decimals, as JSON.stringify formats them. */
export function toJcs(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toJcs).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  // JavaScript compares strings by UTF-16 code units, as the RFC requires.
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${toJcs(member)}`).join(",")}}`;
}
