/** Where a value stands: offsets in UTF-16 units from the beginning of the text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface JsonMember {
  readonly key: string;
  /** The key as it was written, with its quotes. */
  readonly raw_key: string;
  readonly key_span: Span;
  readonly value: JsonNode;
}

/** A JSON value that knows where it stands and how it was written, members in the order of the text. */
export type JsonNode =
  | { readonly kind: "object"; readonly span: Span; readonly members: readonly JsonMember[] }
  | { readonly kind: "array"; readonly span: Span; readonly items: readonly JsonNode[] }
  | { readonly kind: "scalar"; readonly span: Span; readonly raw: string; readonly value: string | number | boolean | null };

/** What is wrong with a text, and where: line and column count from 1, columns in UTF-16 units. */
export interface TextProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type LocatedJson = { readonly ok: true; readonly node: JsonNode } | { readonly ok: false; readonly problem: TextProblem };

/** Deeper texts are refused before the stack is. */
const DEPTH_MAX = 64;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const PLAIN = /[^"\\\p{Cc}]*/uy;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

class Malformed extends Error {
  override readonly name = "Malformed";

  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads strict JSON (RFC 8259) and keeps the place and the spelling of everything. A member that stands twice in an object is refused,
 * because two readers could each believe another one.
 */
export function parseLocatedJson(text: string): LocatedJson {
  try {
    if (text.startsWith("\uFEFF")) throw new Malformed(0, "The file begins with a byte order mark; save it as UTF-8 without one.");
    return { ok: true, node: new Reader(text).document() };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { ok: false, problem: { ...lineAndColumn(text, error.offset), message: error.message } };
  }
}

/** The line and the column of an offset, both from 1. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line_start = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - line_start + 1 };
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): JsonNode {
    const node = this.value(0);
    this.space();
    if (this.at < this.text.length) throw new Malformed(this.at, "Nothing stands after the end of the JSON value; remove what follows.");
    return node;
  }

  private value(depth: number): JsonNode {
    if (depth > DEPTH_MAX) throw new Malformed(this.at, `Objects and arrays are at most ${DEPTH_MAX} deep.`);
    this.space();
    const start = this.at;
    const next = this.text[start];
    if (next === "{") return this.object(depth);
    if (next === "[") return this.array(depth);
    if (next === '"') {
      const raw = this.string();
      return { kind: "scalar", span: { start, end: this.at }, raw, value: JSON.parse(raw) as string };
    }
    for (const [raw, value] of [["true", true] as const, ["false", false] as const, ["null", null] as const])
      if (this.text.startsWith(raw, start)) {
        this.at += raw.length;
        return { kind: "scalar", span: { start, end: this.at }, raw, value };
      }
    const raw = this.match(NUMBER);
    if (raw === "") throw new Malformed(start, `${this.found()}, where a JSON value is expected.`);
    return { kind: "scalar", span: { start, end: this.at }, raw, value: Number(raw) };
  }

  private object(depth: number): JsonNode {
    const start = this.at++;
    const members: JsonMember[] = [];
    const seen = new Set<string>();
    for (this.space(); this.text[this.at] !== "}"; this.space()) {
      if (members.length > 0) this.expect(",", "a comma or the end of the object");
      this.space();
      const key_start = this.at;
      if (this.text[key_start] !== '"')
        throw new Malformed(key_start, `${this.found()}, where a member's name in double quotes is expected.`);
      const raw_key = this.string();
      const key = JSON.parse(raw_key) as string;
      if (seen.has(key)) throw new Malformed(key_start, `The member ${raw_key} stands here a second time; keep one of the two.`);
      // Plain objects do not keep a member of this name, and so it would be lost.
      if (key === "__proto__") throw new Malformed(key_start, "No member is called `__proto__`; remove it.");
      seen.add(key);
      const key_span = { start: key_start, end: this.at };
      this.space();
      this.expect(":", "a colon");
      members.push({ key, raw_key, key_span, value: this.value(depth + 1) });
    }
    this.at++;
    return { kind: "object", span: { start, end: this.at }, members };
  }

  private array(depth: number): JsonNode {
    const start = this.at++;
    const items: JsonNode[] = [];
    for (this.space(); this.text[this.at] !== "]"; this.space()) {
      if (items.length > 0) this.expect(",", "a comma or the end of the array");
      items.push(this.value(depth + 1));
    }
    this.at++;
    return { kind: "array", span: { start, end: this.at }, items };
  }

  private string(): string {
    const start = this.at++;
    for (;;) {
      this.match(PLAIN);
      const next = this.text[this.at];
      if (next === '"') return this.text.slice(start, ++this.at);
      if (next === undefined) throw new Malformed(start, "This string has no end; close it with a double quote.");
      if (next >= "\u007f" && next < "\u00a0") this.at++;
      else if (next !== "\\") throw new Malformed(this.at, "A control character stands in a string; write it as an escape, such as \\n.");
      else if (this.match(ESCAPE) === "") throw new Malformed(this.at, "This escape is not one of JSON's; write \\\\ for a backslash.");
    }
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private expect(character: string, what: string): void {
    if (this.text[this.at] !== character) throw new Malformed(this.at, `${this.found()}, where ${what} is expected.`);
    this.at++;
  }

  private space(): void {
    while (/[ \t\r\n]/.test(this.text[this.at] ?? "")) this.at++;
  }

  private found(): string {
    const character = this.text[this.at];
    return character === undefined ? "The text ends here" : `${JSON.stringify(character)} stands here`;
  }
}
