import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { formatSettingsTables } from "../../scripts/settings-table.js";
import { CONFIGURED_PROCESSES, listSettings } from "../../src/configuration/catalog.js";

it("docs/operations/settings.md has the generated table of settings", async () => {
  const text = await readFile(new URL("../../docs/operations/settings.md", import.meta.url), "utf8");
  expect(text, "run `node --import tsx scripts/settings-table.ts`").toContain(formatSettingsTables());
});

it("every setting has a description, and the Runner has no database setting", () => {
  for (const name of CONFIGURED_PROCESSES) for (const { meaning } of listSettings(name)) expect(meaning).not.toBe("");
  const keys = listSettings("lab512").map(({ key }) => key);
  expect(keys).toContain("OGR_RECEIPT_KEY_FILE");
  for (const forbidden of ["DATABASE_URL", "OGR_PERMIT_KEY_FILE", "OGR_STATEMENT_KEY_FILE"]) expect(keys).not.toContain(forbidden);
});
