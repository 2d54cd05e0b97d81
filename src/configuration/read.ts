import type { z } from "zod";
import { type FieldProblem, parseWith } from "../domain/problems.js";
import { ConfigurationError } from "./environment.js";
import { type Layers, readLayers } from "./layers.js";
import { checkContradictions } from "./rules.js";

/**
 * Parses the settings of a process, once, at its start. @throws ConfigurationError that names every setting that is missing, wrong, unknown
 * or contradictory.
 */
export function readConfiguration<T>(schema: z.ZodType<T>, environment: NodeJS.ProcessEnv): T {
  const { value, problems } = checkConfiguration(schema, readLayers(environment));
  if (value !== undefined && problems.length === 0) return value;
  throw new ConfigurationError(["The configuration is not valid:", ...problems.map((p) => `  ${p.field}: ${p.problem}`)].join("\n"));
}

/** Returns the parsed settings and every problem with them; a process starts only without problems. */
export function checkConfiguration<T>(
  schema: z.ZodType<T>,
  layers: Layers,
): { readonly value?: T | undefined; readonly problems: readonly FieldProblem[] } {
  const values = Object.fromEntries([...layers.found].map(([name, { value }]) => [name, value]));
  const beside = [...layers.problems, ...checkContradictions(values)];
  const parsed = parseWith(schema, values);
  return parsed.ok ? { value: parsed.value, problems: beside } : { problems: [...parsed.problems, ...beside] };
}
