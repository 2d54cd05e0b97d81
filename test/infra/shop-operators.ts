import { afterEach, expect } from "vitest";
import { Operator, type ProgramOutput } from "./operator.js";
import { buildRepoEntry, formatRegistryOfOrgs } from "./samples.js";

/** A registry with one production repository. */
export const shop = { acme: { telemetry_repo: "acme/telemetry", repos: { shop: buildRepoEntry({ context: "production" }) } } };

export const SITE = ["register", "acme/site", "--context", "sandbox", "--reason", "A trial"];

/** Creates operators of a registry with the shop and removes them after each test of the calling file. */
export function createShopOperators() {
  const operators: Operator[] = [];
  afterEach(() => {
    for (const operator of operators.splice(0)) operator.remove();
  });
  const operator = (origin?: null): Operator => {
    const made = new Operator(formatRegistryOfOrgs(shop), origin);
    operators.push(made);
    return made;
  };
  return {
    operators,
    operator,
    /** Creates an operator on a new branch. */
    onBranch(origin?: null): Operator {
      const made = operator(origin);
      made.clone.git("switch", "-q", "-c", "infra/change");
      return made;
    },
  };
}

export function expectRefused(said: ProgramOutput, exit: number, code: string, sentence: RegExp): void {
  expect(said.stderr).toMatch(sentence);
  expect(said.stderr).toContain(`(${code})`);
  expect(said.stderr).not.toMatch(/^\s+at /m);
  expect({ code: said.code, stdout: said.stdout }).toEqual({ code: exit, stdout: "" });
}
