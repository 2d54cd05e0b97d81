import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { buildProgram } from "../../src/cli/program.js";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const PAGES = ["README.md", "ARCHITECTURE.md", ...listPages("docs")];

function listPages(folder: string): string[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`);
}

/** The shell blocks of a page: those fenced as `sh`, and those indented by four spaces. A session's prompts and answers are no script. */
function listScripts(text: string): string[] {
  const fenced = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, script = ""]) => script);
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  const indented = [...prose.matchAll(/(?<=\n\n)(?: {4}.*\n)+/g)].map(([block]) => block.replace(/^ {4}/gm, ""));
  const isScript = (block: string): boolean =>
    /^(?:ogr|node|npm|npx|docker|curl|echo|export|mkdir|git|openssl|temporal|aws|psql|cp|tar)\b/m.test(block);
  return [...fenced, ...indented.filter((block) => isScript(block) && !/^\$ /m.test(block))];
}

/** The words after each `ogr` of a page: in scripts, sessions and inline code. Placeholders stay words. */
function listCalls(text: string): string[][] {
  const code = [
    ...text.matchAll(/^```(?:sh)?\n([\s\S]*?)^```$/gm),
    ...text.matchAll(/(?<=\n)((?: {4}.*\n)+)/g),
    ...text.matchAll(/`([^`\n]+)`/g),
  ];
  return code.flatMap(([, block = ""]) =>
    block
      .replaceAll("\\\n", " ")
      .split("\n")
      .flatMap((line) => [...line.matchAll(/(?:^|[\s|(;]|\$ )(?:ogr|node bin\/ogr\.mjs) ((?:[^|;&#<>)"'`\n]|"[^"]*"|'[^']*')+)/g)])
      .map(([, words = ""]) => words.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []),
  );
}

/** Says what is wrong with a call: an unknown command or option. Undefined for prose that only begins like one. */
function findFault(words: readonly string[]): string | undefined {
  let command: Command = buildProgram();
  let at = 0;
  for (; at < words.length && command.commands.length > 0; at += 1) {
    // A list of commands in a table: `list`, `show`.
    const name = words[at]?.replace(/[.,]$/, "") ?? "";
    if (!/^[a-z]/.test(name)) break;
    const next = command.commands.find((one) => one.name() === name);
    if (next === undefined) return `ogr ${words.join(" ")}: no command ${name}`;
    command = next;
  }
  const known = new Set(["--help", "--version", ...command.options.flatMap(({ long, short }) => [long ?? "", short ?? ""])]);
  const unknown = words.slice(at).find((word) => /^--?[a-z]/.test(word) && !known.has(word.replace(/[=\],.].*$/, "")));
  return unknown === undefined ? undefined : `ogr ${words.join(" ")}: no option ${unknown}`;
}

describe.each(PAGES.map((page) => [page, readFileSync(`${ROOT}${page}`, "utf8")] as const))("%s", (_page, text) => {
  it("has only shell scripts that a shell can read", () => {
    for (const script of listScripts(text)) execFileSync("bash", ["-n"], { input: script, stdio: ["pipe", "ignore", "pipe"] });
  });

  it("names only commands and options that ogr has", () => {
    expect(listCalls(text).flatMap((words) => findFault(words) ?? [])).toEqual([]);
  });
});

it("the pages have scripts and calls at all", () => {
  const texts = PAGES.map((page) => readFileSync(`${ROOT}${page}`, "utf8"));
  expect(texts.flatMap(listScripts).length).toBeGreaterThan(10);
  expect(texts.flatMap(listCalls).length).toBeGreaterThan(150);
});

it("the founders that compose declares can decide at L5 without the one who proposes", () => {
  const [tenant] = parse(readFileSync(`${ROOT}config/compose/tenants.yaml`, "utf8")) as [TenantSeed];
  const { offices } = parse(readFileSync(`${ROOT}config/offices.yaml`, "utf8")) as {
    offices: Record<string, { allowed_actions: string[]; risk_ceiling: string }>;
  };
  const listPersons = (action: string): Set<string> =>
    new Set(
      (tenant.actors ?? []).flatMap(({ person_id, offices: held = [] }) =>
        held.some(({ office_id }) => offices[office_id]?.risk_ceiling === "L5" && offices[office_id].allowed_actions.includes(action))
          ? [String(person_id)]
          : [],
      ),
    );
  const approvers = listPersons("card.approve");
  for (const proposer of listPersons("registry.policy.publish"))
    expect([...approvers].filter((person) => person !== proposer).length).toBeGreaterThanOrEqual(2);
  expect(listPersons("registry.policy.publish").size).toBeGreaterThan(0);
});
