import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const rules = createRequire(import.meta.url)("../../.dependency-cruiser.cjs") as {
  forbidden: { name: string; from: { path?: string }; to: { path?: string } }[];
  options: ICruiseOptions;
};
const RULE = "-worker-lab512-activities-lab512-never-reaches-lab256";

async function violations(changes: (rule: (typeof rules.forbidden)[number]) => (typeof rules.forbidden)[number]): Promise<string[]> {
  const rule = rules.forbidden.find(({ name }) => name === RULE);
  if (rule === undefined) throw new Error(`${RULE} is gone from .dependency-cruiser.cjs`);
  const { output } = await cruise(["src/worker", "src/activities", "src/lab512"], {
    ...rules.options,
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: [changes(rule) as never] },
  });
  return (output as ICruiseResult).summary.violations.map(({ from, to }) => `${from} -> ${to}`);
}

describe("the code of the Runner's process", () => {
  it("reaches nothing that opens the database, signs a permit or decides", async () => {
    expect(await violations((rule) => rule)).toEqual([]);
  });

  it("would be found out if it did: the other worker is", async () => {
    expect(await violations((rule) => ({ ...rule, from: { path: "^src/worker/lab256" } }))).not.toEqual([]);
  });
});
