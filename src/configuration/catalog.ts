import { z } from "zod";
import { apiSettings } from "./sections/api.js";
import { databasesSettings, initSettings } from "./sections/installation.js";
import { lab256Settings } from "./sections/lab256.js";
import { lab512Settings } from "./sections/lab512.js";

/** The settings of each process. */
export const CATALOG = { api: apiSettings, lab256: lab256Settings, lab512: lab512Settings } as const;

/** The settings of the steps of an installation. */
const INSTALLATION = [databasesSettings, initSettings];

export type ConfiguredProcess = keyof typeof CATALOG;

export const CONFIGURED_PROCESSES = Object.keys(CATALOG) as readonly ConfiguredProcess[];

/** Names the file of settings; the environment takes precedence over it. */
export const CONFIG_FILE = "OGR_CONFIG_FILE";

/** The suffix of a variable that names the file with a secret setting's value. */
export const FILE_SUFFIX = "_FILE";

/** Variables of `ogr`, the development stack and the tests, which a process ignores. */
export const OTHER_VARIABLES = ["OGR_SERVER", "OGR_TOKEN", "OGR_TENANT", "OGR_PROFILE", "OGR_CONFIG_DIR", "OGR_CACHE_DIR", "OGR_OPA"];

export interface Setting {
  readonly key: string;
  readonly meaning: string;
  /** The process does not start without it. With `onlyWith`, this holds only beside that other setting. */
  readonly required: boolean;
  readonly secret: boolean;
  readonly preset?: string;
  /** The lowest and the highest allowed number. */
  readonly range?: { readonly low: number; readonly high: number };
  /** Another setting on which it depends, such as `OGR_STORE=s3`. */
  readonly onlyWith?: string;
}

/** Lists the settings of a process in the order of its schema. */
export function listSettings(process: ConfiguredProcess): readonly Setting[] {
  const found = new Map<string, Setting>();
  for (const one of collectSettings(CATALOG[process])) if (!found.has(one.key)) found.set(one.key, one);
  return [...found.values()];
}

/** Lists the names that a settings file, or the environment of any process, may have. */
export function listKnownNames(): ReadonlySet<string> {
  const all = [...CONFIGURED_PROCESSES.flatMap(listSettings), ...INSTALLATION.flatMap(collectSettings)];
  return new Set(all.flatMap(({ key, secret }) => (secret ? [key, `${key}${FILE_SUFFIX}`] : [key])));
}

/** A schema is an object, a discriminated union of objects, or an intersection of these. */
function collectSettings(schema: z.core.$ZodType): Setting[] {
  if (schema instanceof z.ZodIntersection) return [...collectSettings(schema.def.left), ...collectSettings(schema.def.right)];
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const { discriminator, options } = schema.def;
    return options.flatMap((option) => {
      const kind = option instanceof z.ZodObject ? option.shape[discriminator] : undefined;
      const onlyWith = kind instanceof z.ZodLiteral ? `${discriminator}=${[...kind.values].join()}` : "";
      return collectSettings(option).map((one) => (one.key === discriminator ? one : { ...one, onlyWith }));
    });
  }
  if (schema instanceof z.ZodObject) return Object.entries(schema.shape).map(([key, one]) => toSetting(key, one as z.ZodType));
  throw new TypeError("A process's schema consists of objects; collectSettings does not support this one.");
}

function toSetting(key: string, schema: z.ZodType): Setting {
  const { description, secret } = schema.meta() ?? {};
  if (description === undefined) throw new TypeError(`${key} has no description: wrap its schema in \`describeSetting\`.`);
  const absent = schema.safeParse(undefined);
  const range = findRange(schema);
  return {
    key,
    meaning: description,
    required: !absent.success,
    secret: secret === true,
    ...(absent.success && absent.data !== undefined ? { preset: String(absent.data) } : {}),
    ...(range === undefined ? {} : { range }),
  };
}

function findRange(schema: z.core.$ZodType): Setting["range"] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return findRange(schema.def.innerType);
  if (!(schema instanceof z.ZodNumber)) return undefined;
  return { low: schema.minValue ?? Number.NEGATIVE_INFINITY, high: schema.maxValue ?? Number.POSITIVE_INFINITY };
}
