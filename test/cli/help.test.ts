import { execFileSync } from "node:child_process";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { formatBashCompletion } from "../../src/cli/completion/bash.js";
import { formatFishCompletion } from "../../src/cli/completion/fish.js";
import { listPlaces } from "../../src/cli/completion/tree.js";
import { formatZshCompletion } from "../../src/cli/completion/zsh.js";
import { buildProgram } from "../../src/cli/program.js";
import { formatTable } from "../../src/cli/terminal/table.js";

const ogr = buildProgram();
const places = listPlaces(ogr);

function listLeaves(command: Command, above = ""): [string, Command][] {
  const path = `${above} ${command.name()}`.trim();
  return command.commands.length === 0 ? [[path, command]] : command.commands.flatMap((one) => listLeaves(one, path));
}

function readHelp(command: Command): string {
  const parts: string[] = [];
  command.configureOutput({ writeOut: (part) => void parts.push(part) }).outputHelp();
  return parts.join("");
}

/** The words of each call of `ogr` in the examples, without remarks and pipes. */
function listExamples(command: Command): string[][] {
  const [, examples = ""] = readHelp(command).split("\nExamples:\n");
  return examples
    .split("\n")
    .flatMap((line) => [...line.matchAll(/(?:^|[\s($])ogr ([^|#&<>)]+)/g)].map(([, words = ""]) => words.trim().split(/\s+/)));
}

const all = listLeaves(ogr);

describe("the help", () => {
  it.each(all)("of %s has examples with existing options only", (path, command) => {
    const own = listExamples(command).filter((words) => `ogr ${words.join(" ")}`.startsWith(path));
    expect(own.length).toBeGreaterThan(0);
    const known = command.options.map((option) => option.long);
    for (const words of own) for (const word of words) if (/^--./.test(word)) expect(known).toContain(word);
  });

  it("offers JSON on every command except `ogr completion`", () => {
    const without = all.filter(([, command]) => !command.options.some((option) => option.long === "--json")).map(([path]) => path);
    expect(without).toEqual(["ogr completion"]);
  });

  it("offers a dry run on every command that acts", () => {
    const acting = all.filter(([, command]) => command.options.some((option) => option.long === "--dry-run")).map(([path]) => path);
    expect(acting.sort()).toEqual(
      [
        ...[
          "ogr project register",
          "ogr project reset",
          "ogr project archive",
          "ogr project unarchive",
          "ogr push",
          "ogr merge",
          "ogr release",
          "ogr card approve",
          "ogr card reject",
          "ogr card withdraw",
        ],
        ...["ogr charter propose", "ogr charter propose-passkey", "ogr charter recover object", "ogr policy publish", "ogr tenant found"],
        ...["ogr card attest", "ogr permit request", "ogr permit revoke", "ogr command issue", "ogr projections rebuild"],
        ...["init", "new-branch", "register", "disable", "enable", "unregister", "finalize", "create-pr", "merge-pr"].map(
          (name) => `ogr infra ${name}`,
        ),
      ].sort(),
    );
  });
});

/** The words that bash offers for the last word of a line. */
function listOffered(line: string): string[] {
  const words = line.split(" ");
  const script = `${formatBashCompletion("ogr", places)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_ogr; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p ogr >&2`;
  return execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    .split("\n")
    .filter((word) => word !== "");
}

describe("bash completes", () => {
  it.each([
    ["the commands", "ogr led", ["ledger"]],
    ["the commands of a group", "ogr card ", ["list", "show", "watch", "approve", "reject", "withdraw", "attest"]],
    ["an option", "ogr push P.demo --dry", ["--dry-run"]],
    ["the values of an option", "ogr project register P.demo --visibility p", ["private", "public"]],
    ["the values of a status", "ogr card list --status awa", ["awaiting_approval"]],
    ["nothing where only the person knows", "ogr push P.demo --branch ", []],
    ["an option after the value of another", "ogr card list --project card --lim", ["--limit"]],
    ["a file where one is meant", "ogr receipt verify package.j", ["package.json"]],
  ])("%s: %s", (_, line, expected) => expect(listOffered(line)).toEqual(expected));
});

it("the scripts of zsh and fish name every command and every option", () => {
  for (const script of [formatZshCompletion("ogr", places), formatFishCompletion("ogr", places)])
    for (const { path, options } of places) {
      expect(script).toContain(path);
      for (const { name } of options) expect(script).toContain(name.slice(2));
    }
});

describe("a table", () => {
  const columns = [
    { title: "id", format: (row: string[]) => row[0] ?? "" },
    { title: "words", format: (row: string[]) => row[1] ?? "" },
  ];

  it("aligns its columns and cuts lines to the terminal's width", () => {
    const text = formatTable(
      [
        ["k-1", "one"],
        ["k-22", "a long sentence"],
      ],
      columns,
      { titles: true, width: 12 },
    );
    expect(text).toBe("ID    WORDS\nk-1   one\nk-22  a lon…");
  });

  it("replaces control characters, so that stored text cannot move the cursor", () => {
    expect(formatTable([["k-1", "a\u001b[2Jb\nc"]], columns, { titles: false })).toBe("k-1  a\uFFFD[2Jb⏎c");
  });
});
