const REMEMBERED_MAX = 512;

/** Adds to a set that forgets its oldest member beyond 512. */
export function keepLatest(set: Set<string>, member: string): void {
  set.add(member);
  const [oldest] = set;
  if (set.size > REMEMBERED_MAX && oldest !== undefined) set.delete(oldest);
}
