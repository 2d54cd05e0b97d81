/** Writes the JSON Schemas of the infra registry and of its changelog anew, from what the code parses with. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildPublishedSchemas } from "../src/infra/json-schemas.js";

const folder = fileURLToPath(new URL("../src/infra/schemas/", import.meta.url));
mkdirSync(folder, { recursive: true });
for (const [name, schema] of Object.entries(buildPublishedSchemas()))
  writeFileSync(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`);
