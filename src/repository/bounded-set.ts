const MEMBERS_MAX = 512;

/** Adds to a set and removes its oldest member above 512. */
export function addBounded(set: Set<string>, member: string): void {
  set.add(member);
  const [oldest] = set;
  if (set.size > MEMBERS_MAX && oldest !== undefined) set.delete(oldest);
}
