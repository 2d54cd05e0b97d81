import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const RULE = "runner-never-reaches-lab256";

// The checks outside the tests apply every rule to the whole tree, where a rule that matches nothing would also pass.
it("the rule that excludes LAB 256 from the Runner's process detects it in a process that imports it", async () => {
  const rules = createRequire(import.meta.url)("../../.dependency-cruiser.cjs") as {
    forbidden: { name: string; from: { path?: string }; to: { path?: string } }[];
    options: ICruiseOptions;
  };
  const rule = rules.forbidden.find(({ name }) => name === RULE);
  const elsewhere = { ...rule, from: { path: "^src/worker/lab256" } };
  const { output } = await cruise(["src/worker/lab256.main.ts"], {
    ...rules.options,
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: [elsewhere as never] },
  });
  const { violations: findViolations } = (output as ICruiseResult).summary;
  expect(rule?.from.path).toContain("worker/lab512");
  expect(findViolations.map(({ to }) => to)).toEqual(expect.arrayContaining([expect.stringMatching(/^src\/lab256\//)]));
});
