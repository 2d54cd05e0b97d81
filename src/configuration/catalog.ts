import { z } from "zod";
import { apiSettings } from "./sections/api.js";
import { databasesSettings, initSettings } from "./sections/installation.js";
import { lab256Settings } from "./sections/lab256.js";
import { lab512Settings } from "./sections/lab512.js";

/** What each process is told. */
export const CATALOG = { api: apiSettings, lab256: lab256Settings, lab512: lab512Settings } as const;

/** What the one-shot steps of an installation are told. */
const INSTALLATION = [databasesSettings, initSettings];

export type ConfiguredProcess = keyof typeof CATALOG;

export const CONFIGURED_PROCESSES = Object.keys(CATALOG) as readonly ConfiguredProcess[];

/** Names the file that is read beneath the environment. */
export const CONFIG_FILE = "OGR_CONFIG_FILE";

/** Behind the name of a secret setting: a file that holds its value. */
export const FILE_SUFFIX = "_FILE";

/** Variables that are not a process's but may well be in its environment: those of `ogr`, of the development stack and of the tests. */
export const OTHER_VARIABLES = ["OGR_SERVER", "OGR_TOKEN", "OGR_TENANT", "OGR_PROFILE", "OGR_CONFIG_DIR", "OGR_CACHE_DIR", "OGR_OPA"];

/** One setting of a process, as its schema has it. */
export interface Setting {
  readonly key: string;
  readonly meaning: string;
  /** Without it the process does not start (with another one, where `only_with` says so). */
  readonly required: boolean;
  readonly secret: boolean;
  readonly preset?: string;
  /** The lowest and the highest number that may be written. */
  readonly range?: { readonly low: number; readonly high: number };
  /** `OGR_STORE=s3`: it means something only beside this. */
  readonly onlyWith?: string;
}

/** Every setting of a process, in the order of its schema. */
export function listSettings(process: ConfiguredProcess): readonly Setting[] {
  const found = new Map<string, Setting>();
  for (const one of collectSettings(CATALOG[process])) if (!found.has(one.key)) found.set(one.key, one);
  return [...found.values()];
}

/** Every name that may stand in the file, and in the environment of any process. */
export function listKnownNames(): ReadonlySet<string> {
  const all = [...CONFIGURED_PROCESSES.flatMap(listSettings), ...INSTALLATION.flatMap(collectSettings)];
  return new Set(all.flatMap(({ key, secret }) => (secret ? [key, `${key}${FILE_SUFFIX}`] : [key])));
}

/** A schema is an object, one of several told apart by a member, or two of these together. */
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
  throw new TypeError("A process's schema is made of objects; settingsIn does not know this one.");
}

function toSetting(key: string, schema: z.ZodType): Setting {
  const { description, secret } = schema.meta() ?? {};
  if (description === undefined) throw new TypeError(`${key} does not say what it means: wrap its schema in \`setting\`.`);
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
