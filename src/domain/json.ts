import { visit } from "jsonc-parser";
import type { FieldProblem } from "./problems.js";

/** Returns the value of a JSON text in UTF-8, or undefined if the bytes are not one, or not one with one meaning. */
export function parseJsonBytes(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/**
 * Returns the value of a JSON text, or undefined if the text is not JSON, or not JSON with one meaning ({@link findAmbiguity}); a schema
 * then refuses undefined.
 */
export function parseJson(text: string): unknown {
  try {
    const value = JSON.parse(text);
    return findAmbiguity(text) === undefined ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Deeper texts are refused before they exhaust the stack. */
const DEPTH_MAX = 100;
const LONG_TEXT_CHARS = 1000;

/** Ends the visit of a text at its first ambiguity. */
class AmbiguousJson extends Error {
  override readonly name = "AmbiguousJson";

  constructor(readonly problem: FieldProblem) {
    super(problem.problem);
  }
}

/**
 * Finds the first place of a JSON text that two readers could read as different values: a member that stands twice or is called `__proto__`, a
 * number that doubles cannot hold, and what is nested too deep to be read at all. Source: RFC 7493 (I-JSON) §2.
 */
export function findAmbiguity(json: string): FieldProblem | undefined {
  // What a long text says does not matter here, and the parser reads it character by character.
  const text = elideLongTexts(json);
  /** The names of the members so far, for each object or array that is open. */
  const open: Set<string>[] = [];
  const refuse = (path: readonly (string | number)[], problem: string): never => {
    throw new AmbiguousJson({ field: path.join("."), problem });
  };
  const enter = (path: readonly (string | number)[]): void => {
    if (open.push(new Set()) > DEPTH_MAX) refuse(path.slice(0, 1), `Objects and arrays are at most ${DEPTH_MAX} deep.`);
  };
  const leave = () => void open.pop();
  try {
    visit(text, {
      onObjectBegin: (_start, _length, _line, _column, path) => enter(path()),
      onObjectEnd: leave,
      onArrayBegin: (_start, _length, _line, _column, path) => enter(path()),
      onArrayEnd: leave,
      onObjectProperty(name, _start, _length, _line, _column, path) {
        if (name === "__proto__" || (name === "prototype" && path().at(-1) === "constructor"))
          refuse([...path(), name], "No member is called so, since it could change what an object is; remove it.");
        const names = open.at(-1);
        if (names?.has(name)) refuse([...path(), name], "This member stands twice; remove one of the two.");
        names?.add(name);
      },
      onLiteralValue(value, start, length, _line, _column, path) {
        if (typeof value === "number" && !isExact(text.slice(start, start + length), value))
          refuse(path(), "This number has more digits than JSON's readers keep; write it as a text.");
      },
    });
    return undefined;
  } catch (error) {
    if (error instanceof AmbiguousJson) return error.problem;
    throw error;
  }
}

/** Replaces each long text of a valid JSON text by an empty one. */
function elideLongTexts(json: string): string {
  const kept: string[] = [];
  let at = 0;
  for (let start = json.indexOf('"'); start !== -1; start = json.indexOf('"', at)) {
    let end = json.indexOf('"', start + 1);
    while (end !== -1 && isEscaped(json, end)) end = json.indexOf('"', end + 1);
    if (end === -1) break;
    kept.push(json.slice(at, start), end - start > LONG_TEXT_CHARS ? '""' : json.slice(start, end + 1));
    at = end + 1;
  }
  return kept.join("") + json.slice(at);
}

/** Returns whether an odd number of backslashes stands before this place. */
function isEscaped(json: string, place: number): boolean {
  let start = place;
  while (json[start - 1] === "\\") start -= 1;
  return (place - start) % 2 === 1;
}

/** Returns whether a number is the one that was written, not a rounded one. */
function isExact(written: string, value: number): boolean {
  return written === String(value) || normaliseDecimal(written) === normaliseDecimal(String(value));
}

/** Writes a decimal number as its digits without zeros at the ends, and the exponent of the last one. */
function normaliseDecimal(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  return kept === "" ? "0" : `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}
