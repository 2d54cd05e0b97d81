import { type Node, type ParseErrorCode, printParseErrorCode, visit } from "jsonc-parser";

/** A problem of a text. Line and column count from 1, columns in UTF-16 units. */
export interface TextProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Deeper texts are refused before they exhaust the stack. */
const DEPTH_MAX = 64;
/** The valid part of a string: printable characters and the escapes of RFC 8259. */
const STRING_PART = /(?:[ !#-[\]-\u{10FFFF}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/uy;

class MalformedJsonError extends Error {
  override readonly name = "MalformedJsonError";

  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Finds what keeps a text from being strict JSON (RFC 8259): the first problem, or undefined. A duplicate member is one, because two readers
 * could each use a different one.
 */
export function findJsonProblem(text: string): TextProblem | undefined {
  try {
    assertStrictJson(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof MalformedJsonError)) throw error;
    return { ...createLocator(text)(error.offset), message: error.message };
  }
}

/** Throws the first problem, so that the parser does not recover from it. */
function assertStrictJson(text: string): void {
  if (text.startsWith("\uFEFF")) throw new MalformedJsonError(0, "The file begins with a byte order mark; save it as UTF-8 without one.");
  /** The names of the members so far, for each object or array that is open. */
  const open: Set<string>[] = [];
  const assertDepth = (start: number): void => {
    if (open.length > DEPTH_MAX) throw new MalformedJsonError(start, `Objects and arrays are at most ${DEPTH_MAX} deep.`);
  };
  const enter = (start: number): void => {
    assertDepth(start);
    open.push(new Set());
  };
  const leave = (): void => void open.pop();
  const visitor = {
    onObjectBegin: enter,
    onObjectEnd: leave,
    onArrayBegin: enter,
    onArrayEnd: leave,
    onObjectProperty(name: string, start: number, length: number): void {
      const names = open.at(-1);
      if (names?.has(name))
        throw new MalformedJsonError(
          start,
          `The object has the member ${text.slice(start, start + length)} a second time; remove one of the two.`,
        );
      // A plain object does not keep a member of this name.
      if (name === "__proto__") throw new MalformedJsonError(start, "No member is called `__proto__`; remove it.");
      names?.add(name);
    },
    onLiteralValue: (_value: unknown, start: number): void => assertDepth(start),
    onError(error: ParseErrorCode, offset: number): never {
      throw buildSyntaxError(text, printParseErrorCode(error), offset);
    },
  };
  visit(text, visitor, { disallowComments: true, allowTrailingComma: false });
}

function buildSyntaxError(text: string, code: string, offset: number): MalformedJsonError {
  const character = text[offset];
  const expected = EXPECTED[code];
  if (character === '"' && expected === undefined) return buildStringError(text, offset);
  if (code === "EndOfFileExpected")
    return new MalformedJsonError(offset, "Nothing may follow the JSON value; remove what comes after the end.");
  if (code === "InvalidCommentToken" || code === "UnexpectedEndOfComment")
    return new MalformedJsonError(offset, "JSON has no comments; remove this one.");
  const found = character === undefined ? "The text ends here" : `There is ${JSON.stringify(character)} here`;
  return new MalformedJsonError(offset, `${found}, where ${expected ?? "a JSON value"} is expected.`);
}

/** The parser reports where a string begins; this finds the character that is wrong. */
function buildStringError(text: string, start: number): MalformedJsonError {
  STRING_PART.lastIndex = start + 1;
  STRING_PART.test(text);
  const at = STRING_PART.lastIndex;
  if (text[at] === undefined) return new MalformedJsonError(start, "This string has no end; close it with a double quote.");
  return text[at] === "\\"
    ? new MalformedJsonError(at, "JSON does not have this escape; write \\\\ for a backslash.")
    : new MalformedJsonError(at, "A string has a control character here; write it as an escape, such as \\n.");
}

/** Errors about the place of a token; all others are about the token itself. */
const EXPECTED: Readonly<Record<string, string>> = {
  EndOfFileExpected: "the end of the text",
  ValueExpected: "a JSON value",
  PropertyNameExpected: "a member's name in double quotes",
  ColonExpected: "a colon",
  CommaExpected: "a comma or the end of the object or array",
  CloseBraceExpected: "a comma or the end of the object",
  CloseBracketExpected: "a comma or the end of the array",
};

/** Returns the function that turns an offset of the text into line and column. It reads the text once, for all offsets. */
export function createLocator(text: string): (offset: number) => { line: number; column: number } {
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, lineStarts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (lineStarts[low] ?? 0) + 1 };
  };
}

/** Indents a node by two spaces a level. Keeps the order of its members and the spelling of every name and value. */
export function indentNode(text: string, { type, offset, length, children = [] }: Node, indent = ""): string {
  if (type === "property") return children.map((child) => indentNode(text, child, indent)).join(": ");
  if (type !== "object" && type !== "array") return text.slice(offset, offset + length);
  const [open, close] = type === "object" ? ["{", "}"] : ["[", "]"];
  const inner = `${indent}  `;
  const parts = children.map((child) => inner + indentNode(text, child, inner));
  return parts.length === 0 ? `${open}${close}` : `${open}\n${parts.join(",\n")}\n${indent}${close}`;
}
