import { z } from "zod";
import { findTextProblem } from "../text.js";

/** File systems and stock git start to refuse ref names that are longer than this. */
const BRANCH_MAX_BYTES = 200;

/**
 * Returns what is wrong with `name` as the part of a ref after `refs/heads/`, or undefined if git accepts it and every component keeps and
 * shows it alike. Checks only the syntax; the meaning of a branch name is defined by the policy.
 */
export function checkBranchName(name: string): string | undefined {
  const refused = checkStoredName(name);
  if (refused !== undefined) return refused;
  const problem = findTextProblem(name, "name") ?? (/\p{Zs}/u.test(name) ? "must not contain spaces" : undefined);
  return problem === undefined ? undefined : `A branch name ${problem}.`;
}

/** Returns what git finds wrong with the part of a ref after `refs/heads/`. A repository can have names that would not be accepted now. Source: git-check-ref-format(1). */
export function checkStoredName(name: string): string | undefined {
  if (name === "") return "A branch name must not be empty.";
  if (Buffer.byteLength(name) > BRANCH_MAX_BYTES) return `A branch name may have at most ${BRANCH_MAX_BYTES} bytes.`;
  if (!name.isWellFormed()) return "A branch name must be well-formed Unicode.";
  if (name === "@" || name === "HEAD") return `\`${name}\` is not a branch name.`;
  if (name.startsWith("-")) return "A branch name must not start with `-`.";
  if (name.startsWith("refs/")) return "Write the branch without `refs/heads/`, for instance `feature/hello`.";
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f || " ~^:?*[\\".includes(character))
      return `A branch name must not contain ${JSON.stringify(character)}.`;
  }
  if (name.includes("..")) return "A branch name must not contain `..`.";
  if (name.includes("@{")) return "A branch name must not contain `@{`.";
  if (name.endsWith(".")) return "A branch name must not end with `.`.";
  for (const part of name.split("/")) {
    if (part === "") return "A branch name must not have an empty part between slashes.";
    if (part.startsWith(".")) return "No part of a branch name may start with `.`.";
    if (part.endsWith(".lock")) return "No part of a branch name may end with `.lock`.";
  }
  return undefined;
}

export const branchNameSchema = z.string().superRefine((name, context) => {
  const problem = checkBranchName(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

export function toBranchRef(branch: string): string {
  return `refs/heads/${branch}`;
}

export function toTagRef(tag: string): string {
  return `refs/tags/${tag}`;
}

/**
 * The refs in which the conditional PUT that moves refs records the act. Hidden from clients. Source: contracts "Permit, command, claim,
 * receipt".
 */
export const ACT_REFS = "refs/ubl/acts/";

export function toActRef(jti: string): string {
  return `${ACT_REFS}${jti}`;
}

/** The one ref that names the last act that wrote the refs. It stays after the record of that act is removed. Hidden from clients. */
export const LAST_ACT_REFS = "refs/ubl/last/";

export function toLastActRef(jti: string): string {
  return `${LAST_ACT_REFS}${jti}`;
}

/** Name the act before each recorded act. Kept as long as the record, so that a retry finds it. Hidden from clients. */
export const PREVIOUS_ACT_REFS = "refs/ubl/previous/";

export function toPreviousActRef(jti: string, previous: string): string {
  return `${PREVIOUS_ACT_REFS}${jti}/${previous}`;
}

/** Records of acts that a Runner gave up, so that a late write of an earlier attempt loses. */
export const ENDED_ACT_REFS = "refs/ubl/ended/";

export function toEndedActRef(jti: string): string {
  return `${ENDED_ACT_REFS}${jti}`;
}

/** Exists while the project is archived, during which no other ref moves. Hidden from clients. */
export const ARCHIVED_REF = "refs/ubl/archived";

/** The form of a name that is equal for names that people, or file systems, may take for one another. */
function foldName(name: string): string {
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}

/**
 * Finds an existing ref that `name`, or a folder of it, differs from only in case or in the Unicode form: nobody can tell the two apart,
 * and file systems that ignore case keep one file for both.
 */
export function findTwin(name: string, existing: Iterable<string>): string | undefined {
  const parts = name.split("/");
  const foldedParts = parts.map(foldName);
  for (const other of existing) {
    const theirs = other.split("/");
    for (const [at, part] of theirs.entries()) {
      if (part === parts[at]) continue;
      if (foldName(part) === foldedParts[at]) return other;
      break;
    }
  }
  return undefined;
}

/** Finds an existing ref that is a directory of `name`, or below it. Stock git cannot clone a repository that has both. */
export function findDirectoryConflict(name: string, existing: Iterable<string>): string | undefined {
  for (const other of existing) if (other !== name && (other.startsWith(`${name}/`) || name.startsWith(`${other}/`))) return other;
  return undefined;
}
