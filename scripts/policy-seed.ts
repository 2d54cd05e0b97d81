import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { type PolicyData, parsePolicyData } from "../src/decision/policy/data.js";
import { formatProblems } from "../src/domain/problems.js";

/** The seed files of ADR-002, which together are one PolicyData. */
const SEED_FILES = ["risk_policy.yaml", "offices.yaml"] as const;

const mapping = z.record(z.string(), z.unknown());

/** Reads the policy's data from the seed files in `configDir`. @throws Error that names the file and every bad field. */
export async function readSeed(configDir: string): Promise<PolicyData> {
  const merged: Record<string, unknown> = {};
  for (const name of SEED_FILES) {
    const members = parseMapping(name, await readFile(join(configDir, name), "utf8"));
    for (const [key, value] of Object.entries(members)) {
      if (Object.hasOwn(merged, key)) throw new Error(`${name}: ${key} is in another seed file too; remove one of them.`);
      merged[key] = value;
    }
  }
  const parsed = parsePolicyData(merged);
  if (!parsed.ok) throw new Error(`${SEED_FILES.join(" and ")} have bad fields: ${formatProblems(parsed.problems)}`);
  return parsed.value;
}

function parseMapping(name: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new Error(`${name} is not YAML: ${String(cause instanceof Error ? cause.message : cause)}`, { cause });
  }
  const parsed = mapping.safeParse(value);
  if (!parsed.success) throw new Error(`${name} must hold a mapping at its top.`);
  return parsed.data;
}
