import { z } from "zod";

/** A setting is missing or wrong. The message names it and says what to write. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

export const buildRequiredText = (what: string) => z.string(`Set it to ${what}.`).min(1, `Set it to ${what}.`);

export const portSchema = z.coerce.number("Write a port number.").int().min(0).max(65_535, "Write a port from 0 to 65535.");

export const buildCountSchema = (preset: number, max: number) =>
  z.coerce.number("Write a whole number.").int().min(1).max(max).default(preset);

/** Adds the meaning of a setting, for `ogr config` and docs/operations/settings.md. */
export function describeSetting<S extends z.ZodType>(schema: S, meaning: string): S {
  return schema.meta({ description: meaning });
}

/** Describes a setting with a secret value. The variable with the suffix `_FILE` can name a file with the value instead. */
export function describeSecretSetting<S extends z.ZodType>(schema: S, meaning: string): S {
  return schema.meta({ description: meaning, secret: true });
}
