import { z } from "zod";
import { changelogLineSchema } from "./changelog.js";
import { registrySchema } from "./registry-schema.js";

/** The published JSON Schemas (draft 2020-12) by the names of their files, made from what the code itself parses with. */
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
