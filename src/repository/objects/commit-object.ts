import fs from "node:fs";
import git from "isomorphic-git";
import { joinSignedCommit, joinSignedTag } from "../../domain/git/git-signature.js";
import { REGISTRY_IDENTITY, toGitSeconds } from "../../domain/git/registry-identity.js";
import type { Scratch } from "../scratch.js";
import type { Making } from "./making.js";

/** The text of a commit. Without a date, the author's date is the permit's `iat`. */
export interface CommitText {
  readonly author: {
    readonly name: string;
    readonly email: string;
    readonly date: { readonly seconds: number; readonly zone: string } | undefined;
  };
  readonly message: string;
}

/** Writes a commit by the registry, dated by the permit and signed, so that a retry writes the same bytes. Returns its id. */
export async function writeCommit(
  scratch: Scratch,
  tree: string,
  parents: readonly string[],
  text: CommitText,
  { iatMs, sign }: Making,
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
  const unsigned = Buffer.from(lines.join("\n"), "utf8");
  const signature = sign(unsigned);
  const object = signature === undefined ? unsigned : joinSignedCommit({ unsigned, signature });
  return git.writeObject({ fs, gitdir: scratch.gitDir, type: "commit", format: "content", object });
}

/** Writes an annotated tag by the registry, dated by the permit and signed. Returns its id. */
export async function writeTag(
  scratch: Scratch,
  tag: { readonly name: string; readonly commit: string; readonly message: string },
  { iatMs, sign }: Making,
): Promise<string> {
  const lines = [
    `object ${tag.commit}`,
    "type commit",
    `tag ${tag.name}`,
    `tagger ${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}> ${toGitSeconds(iatMs)} +0000`,
    "",
    tag.message,
  ];
  const unsigned = Buffer.from(lines.join("\n"), "utf8");
  const signature = sign(unsigned);
  const object = signature === undefined ? unsigned : joinSignedTag({ unsigned, signature });
  return git.writeObject({ fs, gitdir: scratch.gitDir, type: "tag", format: "content", object });
}
