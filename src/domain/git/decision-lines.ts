import { buildDenial, type Denial } from "../denial.js";

/** A line in which the registry states a decision in the message of a commit that it makes, whatever its letter case and spaces. */
const DECISION_LINE = /^[^\S\n]*(?:permit|proposed-by|approved-by)[^\S\n]*:.*/im;
const PERMIT_LINE = /^Permit: [0-9a-f-]{36}$/;
const CO_AUTHOR_LINE = /^Co-authored-by: [^<>]*<([^<>]+)>$/;

/** Denies a message that somebody else wrote and the registry would sign, if it has a line that only the registry may write. */
export function checkDecisionLines(message: string): Denial | undefined {
  const line = DECISION_LINE.exec(message)?.[0].trim();
  if (line === undefined) return undefined;
  return buildDenial(
    "registry_impersonated",
    `A message has the line ${JSON.stringify(line.slice(0, 120))}. The registry signs the commits that it makes of patches and the tags of releases, and writes such a line only for a decision of its own. Remove the line, or push a bundle.`,
  );
}

/**
 * Lists the addresses of the co-authors in a message that the registry signed. Of its commits, only merges name a permit, and what they say
 * of authors is the registry's own; the message of a patch is its sender's.
 */
export function listMergeCoAuthors(message: string): string[] {
  const lines = message.trimEnd().split("\n\n").at(-1)?.split("\n") ?? [];
  return lines.some((line) => PERMIT_LINE.test(line)) ? lines.flatMap((line) => CO_AUTHOR_LINE.exec(line)?.[1] ?? []) : [];
}
