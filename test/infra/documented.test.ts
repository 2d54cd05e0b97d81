import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { InfraRefused } from "../../src/cli/commands/infra/refused.js";
import { VALIDATION_RULES } from "../../src/infra/finding.js";
import { INFRA_REFUSALS, type InfraRefusalCode } from "../../src/infra/refusal.js";

const page = readFileSync(new URL("../../docs/infra-registry.md", import.meta.url), "utf8");
const listRows = (heading: string): string[] => (page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "").match(/^\| .*/gm) ?? [];
const listNames = (row: string): string[] => [...row.matchAll(/`([a-z-]+(?:_[a-z]+)*)`/g)].map(([, name = ""]) => name);

it("the operator's page lists every refusal with its exit code", () => {
  const documented = listRows("Refusals").flatMap((row) => {
    const exit = Number(row.match(/^\| (\d)/)?.[1]);
    return listNames(row).map((code) => `${code} ${exit}`);
  });
  const codes = Object.keys(INFRA_REFUSALS) as InfraRefusalCode[];
  expect(documented.sort()).toEqual(codes.map((code) => `${code} ${new InfraRefused({ code, message: "" }).exit}`).sort());
});

it("the operator's page lists every rule of the validation", () => {
  const documented = listRows("In CI").flatMap((row) => listNames(row.split("|")[1] ?? ""));
  expect(documented.sort()).toEqual(Object.keys(VALIDATION_RULES).sort());
});
