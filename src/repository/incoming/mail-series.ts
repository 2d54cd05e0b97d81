import { isUtf8 } from "node:buffer";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { CommitText } from "../objects/commit-object.js";
import type { OpenRepository } from "../open-repository.js";
import { type BlobChange, type PatchBytes, readDiff } from "./diff-form.js";

const MAILS_MAX = 500;

export interface Mail {
  readonly text: CommitText;
  readonly patchPath: string;
  readonly blobs: readonly BlobChange[];
}

/**
 * Splits a format-patch series into its mails and parses each with git. What git would change or drop is denied: the commit must be what was
 * sent. Denials: `bundle_invalid`, `limit_exceeded`.
 */
export async function splitMails(repository: OpenRepository, input: PatchBytes): Promise<Outcome<Mail[]>> {
  const scratch = repository.getScratch();
  await mkdir(scratch.resolvePath("mails"), { recursive: true });
  const path = "path" in input ? input.path : scratch.resolvePath("series.mbox");
  if (!("path" in input)) await writeFile(path, input);
  const split = await repository.runGit({ args: ["mailsplit", "-d5", "--keep-cr", `-o${scratch.resolvePath("mails")}`, path] });
  const count = Number.parseInt(split.stdout.toString("latin1"), 10);
  if (split.code !== 0 || !(count > 0))
    return denyWith("bundle_invalid", `The bytes begin like a format-patch series but are not one: ${split.stderr.trim().slice(0, 200)}.`);
  if (count > MAILS_MAX)
    return denyWith("limit_exceeded", `The series has ${count} patches; ${MAILS_MAX} are allowed. Push a bundle instead.`);

  const mails: Mail[] = [];
  for (let number = 1; number <= count; number++) {
    const deny = (why: string) => denyWith("bundle_invalid", `Patch ${number} of the series: ${why}`);
    const base = `mails/${String(number).padStart(5, "0")}`;
    const messagePath = scratch.resolvePath(`${base}.message`);
    const patchPath = scratch.resolvePath(`${base}.patch`);
    const info = await repository.runGit({
      // git 2.39 ignores its own option `--encoding`; without it, the text becomes UTF-8.
      args: ["mailinfo", "-k", messagePath, patchPath],
      input: { path: scratch.resolvePath(base), offsetBytes: 0 },
    });
    if (info.code !== 0) return deny(`git cannot read the mail (${info.stderr.trim().slice(0, 200)}). Make it with git format-patch.`);
    const body = await readFile(messagePath);
    if (!isUtf8(info.stdout) || !isUtf8(body)) return deny("its text is in no charset that git could decode. Send it in UTF-8.");
    const text = parseCommitText(info.stdout.toString("utf8"), body.toString("utf8"));
    if (typeof text === "string") return deny(text);
    const blobs = await readDiff({ path: patchPath, offsetBytes: 0 }, { isMail: true });
    if (!blobs.ok) return deny(blobs.denial.message);
    mails.push({ text, patchPath, blobs: blobs.value });
  }
  return grantValue(mails);
}

/** Returns the commit's text, or what keeps the mail from having one. */
function parseCommitText(info: string, body: string): CommitText | string {
  const lines = info.split("\n");
  const findField = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const email = findField("Email")?.trim() ?? "";
  const subject = findField("Subject")?.replace(/^\[[^\]]*PATCH[^\]]*\] ?/, "");
  const date = findField("Date");
  const name = findField("Author")?.trim() || email;
  if (email === "" || !subject || date === undefined) return "it has no readable author, date or subject. Make it with git format-patch.";
  const odd = [name, email, subject].find((text) => /\p{Cc}|\p{Zl}|\p{Zp}/u.test(text)) ?? [name, email].find((text) => /[<>]/.test(text));
  if (odd !== undefined)
    return `${JSON.stringify(odd.slice(0, 80))} has characters that a commit cannot keep; send the series with \`LF\` line ends.`;
  const parsed = parseDate(date);
  if (parsed === undefined)
    return `${JSON.stringify(date.slice(0, 80))} is not a date with its zone such as \`Mon, 2 Jan 2023 03:04:05 +0100\`.`;
  const message = `${subject}\n${body.trim() === "" ? "" : `\n${body.trimEnd()}\n`}`;
  if (/[\0\r]/.test(message)) return "its message has NUL or CR characters, which a commit of the registry cannot have; push a bundle.";
  return { author: { name, email, date: parsed }, message };
}

/** Parses a date as git writes it (RFC 5322) into seconds and the zone as written. Undefined for a day or zone that does not exist. */
function parseDate(text: string): { seconds: number; zone: string } | undefined {
  const [, day, zone, sign, hours, minutes] =
    /^[A-Z][a-z]{2}, (\d{1,2}) [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (([+-])(\d{2})(\d{2}))$/.exec(text.trim()) ?? [];
  const ms = Date.parse(text);
  if (zone === undefined || !Number.isSafeInteger(ms) || ms < 0) return undefined;
  const offsetMs = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  return new Date(ms + offsetMs).getUTCDate() === Number(day) ? { seconds: ms / 1000, zone } : undefined;
}
