import { readFile } from "node:fs/promises";
import { parseJson } from "../../domain/json.js";
import { UsageError } from "../failure.js";

const FETCH_MS = 30_000;

/** Reads a file, an http(s) address or, for `-`, standard input. @throws UsageError */
async function readTextInput(place: string): Promise<string> {
  try {
    if (/^https?:\/\//.test(place)) {
      const answer = await fetch(place, { signal: AbortSignal.timeout(FETCH_MS) });
      if (!answer.ok) throw new Error(`answered with ${answer.status}`);
      return await answer.text();
    }
    return await readFile(place === "-" ? "/dev/stdin" : place, "utf8");
  } catch (error) {
    throw new UsageError(`${place} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Reads JSON from a place; `what` names it in errors. @throws UsageError */
export async function readJsonInput(what: string, place: string): Promise<unknown> {
  const value = parseJson(await readTextInput(place));
  if (value === undefined) throw new UsageError(`${what}: ${place} is not JSON with one meaning.`);
  return value;
}
