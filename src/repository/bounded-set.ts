const MEMBERS_MAX = 512;

/** A set of at most 512 members, which drops the oldest member above that. */
export class BoundedSet extends Set<string> {
  override add(member: string): this {
    super.add(member);
    const [oldest] = this;
    if (this.size > MEMBERS_MAX && oldest !== undefined) this.delete(oldest);
    return this;
  }
}
