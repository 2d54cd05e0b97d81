/** How the registry makes the objects of one act. The same making of the same content has the same bytes. */
export interface Making {
  /** The permit's `iat`, in milliseconds since 1970: the date of what the registry makes. */
  readonly iatMs: number;
  /** Returns the signature of an object (SSHSIG, armored). Only objects that are never stored have none. */
  sign(unsigned: Uint8Array): string | undefined;
}

/** The making of a plan's objects, which are never stored. A plan contains no id and no date of theirs, so any time can be used. */
export const PLANNED: Making = { iatMs: 0, sign: () => undefined };
