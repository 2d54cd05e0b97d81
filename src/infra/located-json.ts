import { type JSONVisitor, type ParseErrorCode, printParseErrorCode, visit } from "jsonc-parser";

export interface JsonMember {
  readonly key: string;
  /** The key as written, with its quotes. */
  readonly raw_key: string;
  /** Offset of the key in the text, in UTF-16 units. */
  readonly key_start: number;
  readonly value: JsonNode;
}

/** A JSON value with its offset in the text (UTF-16 units) and its spelling. Members keep the order of the text. */
export type JsonNode =
  | { readonly kind: "object"; readonly start: number; readonly members: readonly JsonMember[] }
  | { readonly kind: "array"; readonly start: number; readonly items: readonly JsonNode[] }
  | { readonly kind: "scalar"; readonly start: number; readonly raw: string; readonly value: string | number | boolean | null };

/** A problem of a text. Line and column count from 1, columns in UTF-16 units. */
export interface TextProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type LocatedJson = { readonly ok: true; readonly node: JsonNode } | { readonly ok: false; readonly problem: TextProblem };

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
 * Parses strict JSON (RFC 8259) and keeps the place and spelling of every value. A duplicate member is refused, because two readers could
 * each use a different one.
 */
export function parseLocatedJson(text: string): LocatedJson {
  try {
    if (text.startsWith("\uFEFF")) throw new MalformedJsonError(0, "The file begins with a byte order mark; save it as UTF-8 without one.");
    const builder = new NodeBuilder(text);
    visit(text, builder, { disallowComments: true, allowTrailingComma: false });
    return { ok: true, node: builder.root() };
  } catch (error) {
    if (!(error instanceof MalformedJsonError)) throw error;
    return { ok: false, problem: { ...createLocator(text)(error.offset), message: error.message } };
  }
}

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

/** An object or array whose end the parser has not reached. `key` waits for its value. */
interface OpenNode {
  readonly start: number;
  readonly items: JsonNode[];
  readonly members: JsonMember[];
  readonly keys: Set<string>;
  key?: Omit<JsonMember, "value">;
}

/** Builds the nodes from the parser's callbacks. The first problem is thrown, so that the parser does not recover from it. */
class NodeBuilder implements JSONVisitor {
  readonly #open: OpenNode[] = [];
  #root: JsonNode | undefined;

  constructor(private readonly text: string) {}

  root(): JsonNode {
    if (this.#root === undefined) throw new MalformedJsonError(this.text.length, "The text ends here, where a JSON value is expected.");
    return this.#root;
  }

  readonly onObjectBegin = (start: number): void => this.#begin(start);
  readonly onArrayBegin = (start: number): void => this.#begin(start);

  readonly onObjectProperty = (key: string, start: number, length: number): void => {
    const raw = this.text.slice(start, start + length);
    const object = this.#open.at(-1);
    if (object?.keys.has(key))
      throw new MalformedJsonError(start, `The object has the member ${raw} a second time; remove one of the two.`);
    // A plain object does not keep a member of this name.
    if (key === "__proto__") throw new MalformedJsonError(start, "No member is called `__proto__`; remove it.");
    object?.keys.add(key);
    if (object !== undefined) object.key = { key, raw_key: raw, key_start: start };
  };

  readonly onObjectEnd = (): void => this.#end(({ start, members }) => ({ kind: "object", start, members }));
  readonly onArrayEnd = (): void => this.#end(({ start, items }) => ({ kind: "array", start, items }));

  readonly onLiteralValue = (value: string | number | boolean | null, start: number, length: number): void => {
    this.#checkDepth(start);
    this.#add({ kind: "scalar", start, raw: this.text.slice(start, start + length), value });
  };

  readonly onError = (error: ParseErrorCode, offset: number): never => {
    const code = printParseErrorCode(error);
    const isAboutToken = !(code in EXPECTED);
    throw this.text[offset] === '"' && isAboutToken
      ? this.#findStringFault(offset)
      : new MalformedJsonError(offset, this.#describe(code, offset));
  };

  #begin(start: number): void {
    this.#checkDepth(start);
    this.#open.push({ start, items: [], members: [], keys: new Set() });
  }

  #end(close: (open: OpenNode) => JsonNode): void {
    const open = this.#open.pop();
    if (open !== undefined) this.#add(close(open));
  }

  #add(node: JsonNode): void {
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = node;
    else if (parent.key === undefined) parent.items.push(node);
    else {
      parent.members.push({ ...parent.key, value: node });
      delete parent.key;
    }
  }

  #checkDepth(start: number): void {
    if (this.#open.length > DEPTH_MAX) throw new MalformedJsonError(start, `Objects and arrays are at most ${DEPTH_MAX} deep.`);
  }

  /** The parser reports where a string begins; this finds the character that is wrong. */
  #findStringFault(start: number): MalformedJsonError {
    STRING_PART.lastIndex = start + 1;
    STRING_PART.test(this.text);
    const at = STRING_PART.lastIndex;
    if (this.text[at] === undefined) return new MalformedJsonError(start, "This string has no end; close it with a double quote.");
    return this.text[at] === "\\"
      ? new MalformedJsonError(at, "JSON does not have this escape; write \\\\ for a backslash.")
      : new MalformedJsonError(at, "A string has a control character here; write it as an escape, such as \\n.");
  }

  #describe(code: string, offset: number): string {
    if (code === "EndOfFileExpected") return "Nothing may follow the JSON value; remove what comes after the end.";
    if (code === "InvalidCommentToken" || code === "UnexpectedEndOfComment") return "JSON has no comments; remove this one.";
    const character = this.text[offset];
    const found = character === undefined ? "The text ends here" : `There is ${JSON.stringify(character)} here`;
    return `${found}, where ${EXPECTED[code] ?? "a JSON value"} is expected.`;
  }
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
