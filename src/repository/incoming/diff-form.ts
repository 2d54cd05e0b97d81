import { createReadStream } from "node:fs";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";

/** Bytes of a patch, or a file with them. */
export type PatchBytes = Uint8Array | { readonly path: string; readonly offsetBytes: number };

/** The blobs that a diff says a file had before and has after it: the beginnings of their ids, all zeros for none. */
export interface BlobChange {
  readonly before: string;
  readonly after: string;
}

/** What may stand outside of hunks: the lines that `git diff` and `diff -u` write. Source: git-diff(1), "Generating patch text with -p". */
const DIFF_LINES =
  /^(?:$|diff |index |--- |\+\+\+ |(?:old|new|deleted file|new file) mode |(?:copy|rename) (?:from|to) |(?:dis)?similarity index |\\ |Binary files |Only in |Index: |=+$)/;
const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;
const BLOBS = /^index ([0-9a-f]{4,40})\.\.([0-9a-f]{4,40})(?: [0-7]+)?$/;

/**
 * Reads a whole diff, of which nothing but its changes may be a part: `git apply` skips what it does not know, so an author or another mail
 * would vanish. `isMail` says that it is the patch of a mail: then the separator `---` and the diffstat come first, and a signature can follow.
 * Returns what its index lines say. Denial: `bundle_invalid`, with the line.
 */
export async function readDiff(patch: PatchBytes, { isMail }: { readonly isMail: boolean }): Promise<Outcome<readonly BlobChange[]>> {
  const blobs: BlobChange[] = [];
  let part: "start" | "diffstat" | "files" | "binary" | "signature" = isMail ? "start" : "files";
  let [removed, added, number] = [0, 0, 0];
  const deny = (line: string, why: string) =>
    denyWith("bundle_invalid", `Line ${number} of the ${isMail ? "mail's patch" : "diff"}, ${JSON.stringify(line.slice(0, 80))}, ${why}`);
  for await (const line of readLines(patch)) {
    number += 1;
    if (removed + added > 0 && /^[ +\-\\]|^$/.test(line)) {
      if (line.startsWith("\\")) continue;
      if (!line.startsWith("+")) removed -= 1;
      if (!line.startsWith("-")) added -= 1;
      continue;
    }
    if (removed + added > 0) return deny(line, "is not part of the hunk that should go on there: the patch is damaged or truncated.");
    if (line.endsWith("\r") && part !== "signature")
      return deny(line, "ends with CR: the line ends were changed on the way. Send it as git wrote it.");
    switch (part) {
      case "start":
        if (line !== "---") return deny(line, "is where git sees the end of the message, although no `---` is there; push a bundle.");
        part = "diffstat";
        continue;
      case "diffstat":
        if (line === "---") return deny(line, "stands twice: git would drop what is between as no part of the message; push a bundle.");
        if (!/^(?:diff |--- |Index: )/.test(line)) continue;
        part = "files";
        break;
      case "signature":
        if (/^(?:diff |--- |\+\+\+ |@@ |From )/.test(line)) return deny(line, "follows the mail's signature.");
        continue;
      case "binary":
        if (!line.startsWith("diff ") && line !== "-- ") continue;
        part = "files";
        break;
      case "files":
        break;
    }
    const hunk = HUNK.exec(line);
    const named = BLOBS.exec(line);
    if (hunk !== null) [removed, added] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
    else if (named !== null) blobs.push({ before: named[1] ?? "", after: named[2] ?? "" });
    else if (line === "GIT binary patch") part = "binary";
    else if (line === "-- " && isMail) part = "signature";
    else if (!DIFF_LINES.test(line)) return deny(line, "is no part of a diff. Send mails as `git format-patch` wrote them.");
  }
  return grantValue(blobs);
}

/** Reads the lines, of which each byte is one character. A carriage return belongs to its line. */
async function* readLines(patch: PatchBytes): AsyncGenerator<string> {
  const chunks =
    "path" in patch
      ? createReadStream(patch.path, { start: patch.offsetBytes, encoding: "latin1" })
      : [Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength).toString("latin1")];
  let begun: string[] = [];
  for await (const chunk of chunks as AsyncIterable<string>) {
    const lines = chunk.split("\n");
    const last = lines.pop() ?? "";
    if (lines.length > 0) {
      yield begun.join("") + (lines[0] ?? "");
      yield* lines.slice(1);
      begun = [];
    }
    begun.push(last);
  }
  const rest = begun.join("");
  if (rest !== "") yield rest;
}
