import fs from "node:fs";
import git from "isomorphic-git";
import { REGISTRY_IDENTITY, toGitSeconds } from "../registry-identity.js";
import type { Scratch } from "../scratch.js";

/** The text of a commit. Without a date, the author's date is the permit's `iat`. */
export interface CommitText {
  readonly author: {
    readonly name: string;
    readonly email: string;
    readonly date: { readonly seconds: number; readonly zone: string } | undefined;
  };
  readonly message: string;
}

/** Writes a commit by the registry, dated by the permit, so that a retry writes the same bytes. Returns its id. */
export async function writeCommit(
  scratch: Scratch,
  tree: string,
  parents: readonly string[],
  text: CommitText,
  iatMs: number,
): Promise<string> {
  const { name, email, date } = text.author;
  const { seconds, zone } = date ?? { seconds: toGitSeconds(iatMs), zone: "+0000" };
  const lines = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    `author ${name} <${email}> ${seconds} ${zone}`,
    `committer ${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}> ${toGitSeconds(iatMs)} +0000`,
    "",
    text.message,
  ];
  return git.writeObject({ fs, gitdir: scratch.gitDir, type: "commit", format: "content", object: Buffer.from(lines.join("\n"), "utf8") });
}

/** Writes an annotated tag by the registry, dated by the permit. Returns its id. */
export async function writeTag(
  scratch: Scratch,
  tag: { readonly name: string; readonly commit: string; readonly message: string },
  iatMs: number,
): Promise<string> {
  const lines = [
    `object ${tag.commit}`,
    "type commit",
    `tag ${tag.name}`,
    `tagger ${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}> ${toGitSeconds(iatMs)} +0000`,
    "",
    tag.message,
  ];
  return git.writeObject({ fs, gitdir: scratch.gitDir, type: "tag", format: "content", object: Buffer.from(lines.join("\n"), "utf8") });
}
