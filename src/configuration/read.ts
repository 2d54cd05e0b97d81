import type { z } from "zod";
import { type FieldProblem, parseWith } from "../domain/problems.js";
import { ConfigurationError } from "./environment.js";
import { type Layers, readLayers } from "./layers.js";
import { checkContradictions } from "./rules.js";

/**
 * Parses what a process is told, once, when it starts.
 *
 * @throws ConfigurationError that names everything that is missing, wrong, unknown or contradictory, all of it at once.
 */
export function readConfiguration<T>(schema: z.ZodType<T>, environment: NodeJS.ProcessEnv): T {
  const { value, problems } = checkConfiguration(schema, readLayers(environment));
  if (value !== undefined && problems.length === 0) return value;
  throw new ConfigurationError(["The configuration is not right:", ...problems.map((p) => `  ${p.field}: ${p.problem}`)].join("\n"));
}

/** What a process would be told, and all that is wrong with it; it starts when nothing is. */
export function checkConfiguration<T>(
  schema: z.ZodType<T>,
  layers: Layers,
): { readonly value?: T | undefined; readonly problems: readonly FieldProblem[] } {
  const values = Object.fromEntries([...layers.found].map(([name, { value }]) => [name, value]));
  const beside = [...layers.problems, ...checkContradictions(values)];
  const parsed = parseWith(schema, values);
  return parsed.ok ? { value: parsed.value, problems: beside } : { problems: [...parsed.problems, ...beside] };
}
