import fc from "fast-check";
import { expect, it } from "vitest";
import { parseRegistry } from "../../src/infra/model.js";
import { chooseRuns } from "../harness/campaign.js";
import { buildRepoEntry, formatRegistryOfOrgs } from "./samples.js";

const text = formatRegistryOfOrgs({
  acme: { telemetry_repo: "acme/telemetry", repos: { site: buildRepoEntry(), shop: buildRepoEntry({ context: "production" }) } },
  "T.UBL": { telemetry_repo: "T.UBL/P.telemetry", repos: { "P.demo": buildRepoEntry({ state: "disabled" }) } },
});

const pieces = [
  '"',
  "{",
  "}",
  ",",
  ":",
  "[",
  "]",
  "\\",
  "\n",
  "acme",
  "Acme",
  "sandbox",
  "production",
  "prod",
  "enabled",
  "null",
  "1",
  "\u0000",
  "\ud800",
  "é",
  "//",
];
const edit = fc.record({
  at: fc.nat(text.length),
  removed: fc.nat(12),
  added: fc.oneof(fc.constantFrom("", ...pieces), fc.string({ unit: "binary", maxLength: 4 })),
});

/** Checks the rules of the document without the code under test. */
function isWithinRules(value: unknown): boolean {
  const { orgs } = value as { orgs: Record<string, { telemetry_repo: string; repos: Record<string, Record<string, unknown>> }> };
  return Object.entries(orgs).every(
    ([org, { telemetry_repo, repos, ...others }]) =>
      Object.keys(others).length === 0 &&
      /^[^/]+\/[^/]+$/.test(telemetry_repo) &&
      telemetry_repo.startsWith(`${org}/`) &&
      Object.values(repos).every(
        ({ state, context, process, reason, ...more }) =>
          Object.keys(more).length === 0 &&
          ["enabled", "disabled"].includes(String(state)) &&
          ["sandbox", "production"].includes(String(context)) &&
          typeof process === "string" &&
          typeof reason === "string",
      ),
  );
}

it("an edit by hand is either valid or refused with line and column of a place in the file", () => {
  const seen = { valid: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const edited = edits.reduce((now, { at, removed, added }) => now.slice(0, at) + added + now.slice(at + removed), text);
      const parsed = parseRegistry(edited);
      if (parsed.ok) {
        seen.valid += 1;
        expect(isWithinRules(JSON.parse(edited))).toBe(true);
        return;
      }
      seen.refused += 1;
      expect(parsed.problems.length).toBeGreaterThan(0);
      const lines = edited.split("\n");
      for (const { line, column, message } of parsed.problems) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
        expect(message).toMatch(/\w.*[.)]$/s);
      }
    }),
    chooseRuns(3000),
  );
  expect(seen.valid).toBeGreaterThan(20);
  expect(seen.refused).toBeGreaterThan(1000);
});

it("the same texts are refused for their syntax as by JSON.parse, except for stricter rules", () => {
  fc.assert(
    fc.property(fc.json({ depthSize: "small" }), edit, (json, { at, removed, added }) => {
      const place = json.length === 0 ? 0 : at % json.length;
      const edited = json.slice(0, place) + added + json.slice(place + (removed % 3));
      const parsed = parseRegistry(edited);
      const syntax = parsed.ok ? undefined : parsed.problems.find(({ rule }) => rule === "registry-syntax");
      if (syntax === undefined) expect(() => JSON.parse(edited)).not.toThrow();
      else if (!/second time|__proto__|deep|byte order/.test(syntax.message)) expect(() => JSON.parse(edited)).toThrow();
    }),
    chooseRuns(3000),
  );
});
