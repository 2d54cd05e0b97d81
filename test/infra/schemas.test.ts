import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { buildPublishedSchemas } from "../../scripts/infra-schemas.js";

const published = Object.entries(buildPublishedSchemas());

it.each(published)("%s is generated from the code's schema (draft 2020-12)", (name, schema) => {
  const text = readFileSync(new URL(`../../src/infra/schemas/${name}`, import.meta.url), "utf8");
  expect(JSON.parse(text)).toEqual(schema);
  expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
});

it("the schemas allow unknown members only at the top level of a registry", () => {
  const objects: [string, unknown][] = [];
  const collect = (path: string, value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("properties" in value) objects.push([path, (value as { additionalProperties?: unknown }).additionalProperties]);
    for (const [key, inner] of Object.entries(value)) collect(`${path}/${key}`, inner);
  };
  for (const [name, schema] of published) collect(name, schema);
  expect(objects.map(([path, additional]) => [path, additional !== false])).toEqual([
    ["telemetry-registry.v2.schema.json", true],
    ["telemetry-registry.v2.schema.json/properties/orgs/additionalProperties", false],
    ["telemetry-registry.v2.schema.json/properties/orgs/additionalProperties/properties/repos/additionalProperties", false],
    ["infra-changelog.schema.json", false],
  ]);
});
