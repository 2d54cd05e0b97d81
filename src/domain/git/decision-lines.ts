/** A line in which the registry states a decision in the message of a commit that it makes, whatever its letter case and spaces. */
const DECISION_LINE = /^[^\S\n]*(?:permit|proposed-by|approved-by)[^\S\n]*:.*/im;
const PERMIT_LINE = /^Permit: [0-9a-f-]{36}$/;
const CO_AUTHOR_LINE = /^Co-authored-by: [^<>]*<([^<>]+)>$/;

/** Finds a line that only the registry may write, in a message that somebody else wrote and the registry would sign. */
export function findDecisionLine(message: string): string | undefined {
  return DECISION_LINE.exec(message)?.[0].trim();
}

/**
 * Lists the addresses of the co-authors in a message that the registry signed. Of its commits, only merges name a permit, and what they say
 * of authors is the registry's own; the message of a patch is its sender's.
 */
export function listMergeCoAuthors(message: string): string[] {
  const lines = message.trimEnd().split("\n\n").at(-1)?.split("\n") ?? [];
  return lines.some((line) => PERMIT_LINE.test(line)) ? lines.flatMap((line) => CO_AUTHOR_LINE.exec(line)?.[1] ?? []) : [];
}
