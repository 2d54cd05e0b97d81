import { z } from "zod";

/** Control characters other than tabs and line ends (U+000A, or U+000D before it), and Unicode's own separators of lines. */
const CONTROL = /\r(?!\n)|[^\P{Cc}\t\r\n]|[\p{Zl}\p{Zp}]/u;
const LINE_BREAKING = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/** Characters that no reader sees, or that change the order in which others are shown (Unicode UTS #39, UTS #55). */
const INVISIBLE = /[\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}]/u;

/**
 * Returns what keeps a text from being stored, hashed, compared and shown alike by every component, or undefined. A line is a text
 * without line ends and tabs; a name is a line without characters by which two names could look alike.
 */
export function findTextProblem(text: string, kind: "text" | "line" | "name"): string | undefined {
  if (!text.isWellFormed()) return "must be well-formed Unicode";
  if (text !== text.normalize("NFC")) return "must be in Unicode's normal form C";
  if (kind === "text") return CONTROL.test(text) ? "must not contain control characters other than tabs and line ends" : undefined;
  if (LINE_BREAKING.test(text)) return "must be one line without control characters";
  return kind === "name" && INVISIBLE.test(text) ? "must not contain invisible characters or marks of direction" : undefined;
}

const buildSchema = (kind: Parameters<typeof findTextProblem>[1]) => (what: string, max: number) =>
  z
    .string()
    .min(1, `${what} is not empty.`)
    .max(max, `${what} has at most ${max} characters.`)
    .superRefine((text, context) => {
      const problem = findTextProblem(text, kind) ?? (text === text.trim() ? undefined : "must not have a space at either end");
      if (problem !== undefined) context.addIssue({ code: "custom", message: `${what} ${problem}.` });
    });

/** Text of several lines, such as an intent. */
export const buildTextSchema = buildSchema("text");
/** Text of one line, such as a reason. */
export const buildLineSchema = buildSchema("line");
/** The name of a project, person or thing. */
export const buildNameSchema = buildSchema("name");
