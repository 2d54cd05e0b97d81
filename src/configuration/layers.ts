import { parse } from "yaml";
import { z } from "zod";
import type { FieldProblem } from "../domain/problems.js";
import { CONFIG_FILE, FILE_SUFFIX, listKnownNames, OTHER_VARIABLES } from "./catalog.js";
import { ConfigurationError } from "./environment.js";
import { readConfiguredFile } from "./files.js";
import { findNearestName } from "./nearest.js";

export interface FoundSetting {
  readonly value: string;
  /** `environment`, or the path of a file. */
  readonly source: string;
}

export interface Layers {
  readonly found: ReadonlyMap<string, FoundSetting>;
  readonly problems: readonly FieldProblem[];
}

type Layer = ReadonlyMap<string, FoundSetting>;

const fileSchema = z.record(z.string(), z.union([z.string(), z.array(z.string())]), "Write one setting a line, `NAME: value`.");

/** Reads the environment and the file that `OGR_CONFIG_FILE` names; the environment wins. An empty value counts as absent. */
export function readLayers(environment: NodeJS.ProcessEnv): Layers {
  const problems: FieldProblem[] = [];
  const known = listKnownNames();
  const addProblem = (problem: FieldProblem): void => void problems.push(problem);
  const own = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, { value, source: "environment" }] as const],
  );
  for (const [name] of own)
    if (name.startsWith("OGR_") && !known.has(name) && name !== CONFIG_FILE && !OTHER_VARIABLES.includes(name))
      addProblem({ field: name, problem: formatUnknownName("This variable", name, known) });
  const upper: Layer = new Map(own.filter(([name]) => known.has(name)));
  const path = environment[CONFIG_FILE];
  const lower = path === undefined || path === "" ? new Map<string, FoundSetting>() : readSettingsFile(path, known, addProblem);
  return { found: new Map([...resolveSecretFiles(lower, known, addProblem), ...resolveSecretFiles(upper, known, addProblem)]), problems };
}

/** The file is one YAML mapping (or JSON) of the variables' names to values. */
function readSettingsFile(path: string, known: ReadonlySet<string>, addProblem: (problem: FieldProblem) => void): Layer {
  const layer = new Map<string, FoundSetting>();
  try {
    // This schema reads every value as its text, as in the environment.
    const parsed = fileSchema.safeParse(parse(readConfiguredFile(path).toString("utf8"), { schema: "failsafe" }) ?? {});
    if (!parsed.success)
      throw new ConfigurationError(parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("; "));
    for (const [name, value] of Object.entries(parsed.data)) {
      const text = typeof value === "string" ? value : value.join(",");
      if (!known.has(name)) addProblem({ field: `${path}: ${name}`, problem: formatUnknownName("This setting", name, known) });
      else if (text !== "") layer.set(name, { value: text, source: path });
    }
  } catch (error) {
    addProblem({ field: CONFIG_FILE, problem: error instanceof Error ? `${path}: ${error.message}` : String(error) });
  }
  return layer;
}

/** Replaces each `NAME_FILE` of a secret by the content of its file. */
function resolveSecretFiles(layer: Layer, known: ReadonlySet<string>, addProblem: (problem: FieldProblem) => void): Layer {
  const resolved = new Map(layer);
  for (const [name, { value: path }] of layer) {
    const key = name.endsWith(FILE_SUFFIX) ? name.slice(0, -FILE_SUFFIX.length) : "";
    if (!known.has(key)) continue;
    resolved.delete(name);
    if (layer.has(key)) addProblem({ field: name, problem: `Set this or ${key}, not both.` });
    try {
      resolved.set(key, {
        value: readConfiguredFile(path)
          .toString("utf8")
          .replace(/\r?\n$/, ""),
        source: path,
      });
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      addProblem({ field: name, problem: error.message });
    }
  }
  return resolved;
}

function formatUnknownName(what: string, name: string, known: ReadonlySet<string>): string {
  const nearest = findNearestName(name, known);
  return nearest === undefined ? `${what} is not known; remove it.` : `${what} is not known; did you mean ${nearest}?`;
}
