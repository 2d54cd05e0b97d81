import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { toHttpStatus } from "../../src/api/http/problem.js";
import { DENIAL_CODES } from "../../src/domain/denial.js";

it("docs/protocol.md has every denial code once, with its HTTP status", async () => {
  const page = await readFile(new URL("../../docs/protocol.md", import.meta.url), "utf8");
  const section = page.split("\n## Denial codes\n")[1] ?? "";
  const documented = [...section.matchAll(/^\| `([a-z_]+)` \| (\d{3})/gm)].map(([, code, status]) => `${code} ${status}`);
  expect(documented.sort()).toEqual(DENIAL_CODES.map((code) => `${code} ${toHttpStatus(code)}`).sort());
});
