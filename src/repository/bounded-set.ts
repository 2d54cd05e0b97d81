const MEMBERS_MAX = 512;

/** A set that drops its oldest member above 512. */
export class BoundedSet extends Set<string> {
  override add(member: string): this {
    super.add(member);
    const [oldest] = this;
    if (this.size > MEMBERS_MAX && oldest !== undefined) this.delete(oldest);
    return this;
  }
}
