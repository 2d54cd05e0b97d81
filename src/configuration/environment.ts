import { z } from "zod";
import { parseWith } from "../domain/problems.js";

/** A variable is missing or wrong; the message names each and says what to write. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/** Parses what a process reads of its environment, once, when it starts. An empty variable counts as absent. */
export function readEnvironment<T>(schema: z.ZodType<T>, environment: NodeJS.ProcessEnv): T {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = parseWith(schema, present);
  if (parsed.ok) return parsed.value;
  throw new ConfigurationError(
    ["The configuration is not complete:", ...parsed.problems.map((p) => `  ${p.field}: ${p.problem}`)].join("\n"),
  );
}

export const requiredText = (what: string) => z.string(`Set it to ${what}.`).min(1, `Set it to ${what}.`);

export const portSchema = z.coerce.number("Write a port number.").int().min(0).max(65_535, "Write a port from 0 to 65535.");

export const countSchema = (preset: number, max: number) => z.coerce.number("Write a whole number.").int().min(1).max(max).default(preset);
