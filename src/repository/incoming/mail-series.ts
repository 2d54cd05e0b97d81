import { mkdir, readFile, writeFile } from "node:fs/promises";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { CommitText } from "../objects/commit-object.js";
import type { OpenRepository } from "../open-repository.js";

const MAILS_MAX = 500;

export interface Mail {
  readonly text: CommitText;
  readonly patchPath: string;
}

/** Splits a format-patch series into its mails and parses each with git. Denials: `bundle_invalid`, `limit_exceeded`. */
export async function splitMails(
  repository: OpenRepository,
  input: Uint8Array | { readonly path: string; readonly offsetBytes: number },
): Promise<Outcome<Mail[]>> {
  const scratch = repository.getScratch();
  await mkdir(scratch.resolvePath("mails"), { recursive: true });
  const path = "path" in input ? input.path : scratch.resolvePath("series.mbox");
  if (!("path" in input)) await writeFile(path, input);
  const split = await repository.runGit({ args: ["mailsplit", "-d5", `-o${scratch.resolvePath("mails")}`, path] });
  const count = Number.parseInt(split.stdout.toString("latin1"), 10);
  if (split.code !== 0 || !(count > 0))
    return denyWith("bundle_invalid", `The bytes begin like a format-patch series but are not one: ${split.stderr.trim().slice(0, 200)}.`);
  if (count > MAILS_MAX)
    return denyWith("limit_exceeded", `The series has ${count} patches; ${MAILS_MAX} are allowed. Push a bundle instead.`);

  const mails: Mail[] = [];
  for (let number = 1; number <= count; number++) {
    const base = `mails/${String(number).padStart(5, "0")}`;
    const messagePath = scratch.resolvePath(`${base}.message`);
    const patchPath = scratch.resolvePath(`${base}.patch`);
    const info = await repository.runGit({
      args: ["mailinfo", "--encoding=UTF-8", messagePath, patchPath],
      input: { path: scratch.resolvePath(base), offsetBytes: 0 },
    });
    const text = info.code === 0 ? parseCommitText(info.stdout.toString("utf8"), await readFile(messagePath, "utf8")) : undefined;
    if (text === undefined)
      return denyWith(
        "bundle_invalid",
        `Patch ${number} of the series has no readable author, date or subject. Make it with git format-patch.`,
      );
    mails.push({ text, patchPath });
  }
  return grantValue(mails);
}

function parseCommitText(info: string, body: string): CommitText | undefined {
  const lines = info.split("\n");
  const findField = (name: string) =>
    lines
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
      .trim();
  const email = cleanName(findField("Email"));
  const subject = findField("Subject");
  const date = parseDate(findField("Date"));
  if (!email || !subject || date === undefined) return undefined;
  const message = `${subject}\n${body.trim() === "" ? "" : `\n${body.trimEnd()}\n`}`;
  if (message.includes("\0")) return undefined;
  return { author: { name: cleanName(findField("Author")) || email, email, date }, message };
}

/** Removes the characters that git removes from names, because they would end a name prematurely. */
function cleanName(text: string | undefined): string {
  return (text ?? "").replace(/[<>\n\0]/g, "").trim();
}

/** Parses an RFC 5322 date into git's form: seconds, and the zone as written. */
function parseDate(text: string | undefined): { seconds: number; zone: string } | undefined {
  const seconds = Math.floor(Date.parse(text ?? "") / 1000);
  if (!Number.isSafeInteger(seconds) || seconds < 0) return undefined;
  const zone = /([+-]\d{4})(?:\s|$)/.exec(text ?? "")?.[1] ?? "+0000";
  return { seconds, zone };
}
