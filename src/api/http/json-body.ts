import { findAmbiguity } from "../../domain/json.js";
import { InvalidRequest } from "./validation.js";

/** The largest number of values in a body of a route that does not say otherwise. Reading a hundred thousand members takes a third of a second. */
export const BODY_MAX_VALUES = 20_000;

/**
 * Reads a JSON body that has one meaning for every reader. Its values are counted before it is parsed.
 *
 * @throws InvalidRequest that names the member
 */
export function parseJsonBody(bytes: Buffer, maxValues: number): unknown {
  const refuse = (problem: string, field = "") => new InvalidRequest("body", [{ field, problem }]);
  if (bytes.length === 0) throw refuse("The body is empty; send JSON.");
  if (countCommas(bytes) >= maxValues) throw refuse(`It has more than ${maxValues} values; send fewer at once.`);
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw refuse(`It is not JSON: ${error.message}.`);
    if (error instanceof TypeError) throw refuse("It is not UTF-8.");
    throw error;
  }
  const ambiguity = findAmbiguity(text);
  if (ambiguity !== undefined) throw refuse(ambiguity.problem, ambiguity.field);
  const unstorable = findUnstorable(value, []);
  if (unstorable !== undefined) throw refuse("A text has no NUL character and no lone surrogate; remove it.", unstorable.join("."));
  return value;
}

/** Finds a text that PostgreSQL or canonical JSON refuses. The value is not deep. */
function findUnstorable(value: unknown, path: readonly string[]): readonly string[] | undefined {
  if (typeof value === "string") return value.includes("\0") || !value.isWellFormed() ? path : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const at = [...path, name];
    const found = findUnstorable(name, at) ?? findUnstorable(member, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

function countCommas(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x2c); at !== -1; at = bytes.indexOf(0x2c, at + 1)) count += 1;
  return count;
}
