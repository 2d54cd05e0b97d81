/** Writes the JSON Schemas of the infra registry and its changelog from the schemas in the code. */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { changelogLineSchema } from "../src/infra/changelog.js";
import { registrySchema } from "../src/infra/registry-schema.js";

/** Builds the published JSON Schemas (draft 2020-12) by file name. */
export function buildPublishedSchemas(): Readonly<Record<string, object>> {
  return {
    "telemetry-registry.v2.schema.json": toPublishedSchema("Infra registry v2", "telemetry-registry.v2.schema.json", registrySchema),
    "infra-changelog.schema.json": toPublishedSchema(
      "A line of the infra registry's changelog",
      "infra-changelog.schema.json",
      changelogLineSchema,
    ),
  };
}

function toPublishedSchema(title: string, name: string, schema: z.ZodType): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12", io: "input" });
  return { $schema, $id: `urn:office-git-registry:${name}`, title, ...rest };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  for (const [name, schema] of Object.entries(buildPublishedSchemas()))
    writeFileSync(new URL(`../src/infra/schemas/${name}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
