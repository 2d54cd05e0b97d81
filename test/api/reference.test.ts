import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { formatRouteReference } from "../../scripts/api-reference.js";

it("docs/api.md has the reference that the route table generates", async () => {
  const text = await readFile(new URL("../../docs/api.md", import.meta.url), "utf8");
  expect(text, "run `node --import tsx scripts/api-reference.ts`").toContain(formatRouteReference());
});
