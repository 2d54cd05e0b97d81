import { describe, expect, it } from "vitest";
import { formatRegistry, parseRegistry, type RegistryProblem } from "../../src/infra/model.js";
import { resolveContext } from "../../src/infra/resolve.js";
import { buildRepoEntry, formatRegistryOfOrgs as text } from "./samples.js";

function listProblems(input: string | Uint8Array): readonly RegistryProblem[] {
  const parsed = parseRegistry(input);
  return parsed.ok ? [] : parsed.problems;
}

const site = { acme: { telemetry_repo: "acme/telemetry", repos: { site: buildRepoEntry() } } };

describe("a registry", () => {
  it("keeps additional top-level members, and the order and spelling of everything", () => {
    const found = `{
  "$schema": "./a.json",
  "schema_version": "2.0",
  "generated_at": "2026-01-01T00:00:00Z",
  "description": "caf\\u00e9",
  "limits": [
    1.50,
    []
  ],
  "orgs": {
    "42": {
      "repos": {
        "9": {
          "reason": "",
          "process": "infra-cli",
          "context": "sandbox",
          "state": "enabled"
        },
        "1": {
          "state": "disabled",
          "context": "production",
          "process": "by hand",
          "reason": "a \\/ b"
        }
      },
      "telemetry_repo": "42/telemetry"
    }
  }
}
`;
    const parsed = parseRegistry(found);
    expect(parsed.ok && formatRegistry(parsed.value)).toBe(found);
    expect(parsed.ok && [...(parsed.value.orgs.get("42")?.repos.keys() ?? [])]).toEqual(["9", "1"]);
  });

  it("is always written with two spaces and a final newline", () => {
    const parsed = parseRegistry('{"orgs":{"acme":\t{"telemetry_repo":"acme/t","repos":{ }}}}');
    expect(parsed.ok && formatRegistry(parsed.value)).toBe(
      '{\n  "orgs": {\n    "acme": {\n      "telemetry_repo": "acme/t",\n      "repos": {}\n    }\n  }\n}\n',
    );
  });

  it("resolves a repository only by its exact name", () => {
    const parsed = parseRegistry(text(site));
    if (!parsed.ok) throw new Error("the sample does not parse");
    const { value } = parsed;
    expect(resolveContext(value, { owner: "acme", repo: "site" })).toEqual({
      state: "enabled",
      context: "sandbox",
      telemetry_repo: "acme/telemetry",
    });
    for (const name of [
      { owner: "acme", repo: "Site" },
      { owner: "other", repo: "site" },
      { owner: "acme", repo: "site-sandbox" },
      { owner: "constructor", repo: "name" },
    ])
      expect(resolveContext(value, name)).toEqual({ state: "missing", context: null, telemetry_repo: null });
  });
});

describe("an invalid registry is refused with line, column and member for", () => {
  const cases: [string, string | Uint8Array, RegistryProblem["rule"], string, number, number, RegExp][] = [
    ["an unfinished file", '{\n  "orgs": {', "registry-syntax", "", 2, 12, /ends here/],
    ["a trailing comma", '{\n  "orgs": {},\n}', "registry-syntax", "", 3, 1, /member's name/],
    ["a duplicate member", '{\n  "orgs": {},\n  "orgs": {}\n}', "registry-syntax", "", 3, 3, /second time/],
    ["a second value", '{"orgs": {}} {}', "registry-syntax", "", 1, 14, /after the end/],
    ["a line comment", '{\n // no\n"orgs": {}}', "registry-syntax", "", 2, 2, /no comments/],
    ["a block comment", '{"orgs": /* no */ {}}', "registry-syntax", "", 1, 10, /no comments/],
    ["a comma after the last item", '{"a": [1,]}', "registry-syntax", "", 1, 10, /where a JSON value/],
    ["a missing comma", '{"a": 1 "b": 2}', "registry-syntax", "", 1, 9, /where a comma/],
    ["a missing colon", '{"a" 1}', "registry-syntax", "", 1, 6, /where a colon/],
    ["single quotes", "{'a': 1}", "registry-syntax", "", 1, 2, /where/],
    ["a number with a leading zero", '{"a": 01}', "registry-syntax", "", 1, 8, /where a comma/],
    ["a number without digits after its point", '{"a": 1.}', "registry-syntax", "", 1, 7, /where a JSON value/],
    ["an unknown literal", '{"a": nul}', "registry-syntax", "", 1, 7, /where a JSON value/],
    ["a string without an end", '{"a": "b', "registry-syntax", "", 1, 7, /no end/],
    ["an unfinished escape", '{"a": "b\\u12"}', "registry-syntax", "", 1, 9, /escape/],
    ["a tab in a string", '{"a": "b\tc"}', "registry-syntax", "", 1, 9, /control character/],
    ["a space that JSON does not have", '{\u00a0"a": 1}', "registry-syntax", "", 1, 2, /where/],
    ["an empty file", "", "registry-syntax", "", 1, 1, /ends here/],
    ["a byte order mark", '\uFEFF{"orgs": {}}', "registry-syntax", "", 1, 1, /byte order mark/],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff]), "registry-syntax", "", 1, 1, /UTF-8/],
    ["a raw newline in a string", '{"a": "b\nc"}', "registry-syntax", "", 1, 9, /control character/],
    ["an unknown escape", '{"a": "\\x"}', "registry-syntax", "", 1, 8, /escape/],
    ["a member that JavaScript would lose", '{"orgs": {}, "__proto__": {}}', "registry-syntax", "", 1, 14, /__proto__/],
    ["too deep nesting", `{"a": ${"[".repeat(99)}`, "registry-syntax", "", 1, 71, /deep/],
    ["no orgs", '{"schema_version": "2.0"}', "registry-schema", "orgs", 1, 1, /missing/],
    ["another schema version", '{"schema_version": "1.0", "orgs": {}}', "registry-schema", "schema_version", 1, 20, /2\.0/],
    ["an array", "[]", "registry-schema", "", 1, 1, /object/],
    [
      "an unknown member of an org",
      '{"orgs": {"acme": {\n "telemetry_repo": "acme/t", "repos": {},\n "owner": "x"}}}',
      "registry-schema",
      "orgs.acme.owner",
      3,
      2,
      /not known/,
    ],
    [
      "an unknown state",
      '{"orgs": {"acme": {"telemetry_repo": "acme/t", "repos": {"x.y": {\n "state": "on", "context": "sandbox", "process": "p", "reason": ""}}}}}',
      "registry-schema",
      "orgs.acme.repos.x.y.state",
      2,
      11,
      /enabled/,
    ],
    [
      "a missing context",
      '{"orgs": {"acme": {"telemetry_repo": "acme/t", "repos": {\n"x": {"state": "enabled", "process": "p", "reason": ""}}}}}',
      "registry-schema",
      "orgs.acme.repos.x.context",
      2,
      6,
      /missing.*never inferred/,
    ],
    ["an invalid name", '{"orgs": {\n "a b": {"telemetry_repo": "a/t", "repos": {}}}}', "registry-schema", "orgs.a b", 2, 2, /org's name/],
    [
      "telemetry into another org",
      '{"orgs": {"acme": {"repos": {},\n "telemetry_repo": "acme2/t"}}}',
      "telemetry-ownership",
      "orgs.acme.telemetry_repo",
      2,
      20,
      /not its own/,
    ],
    [
      "two names that differ only in case",
      '{"orgs": {"acme": {"telemetry_repo": "acme/t", "repos": {}},\n"Acme": {"telemetry_repo": "Acme/t", "repos": {}}}}',
      "name-twins",
      "orgs.Acme",
      2,
      1,
      /case/,
    ],
  ];

  it.each(cases)("%s", (_, input, rule, path, line, column, message) => {
    const [first, ...rest] = listProblems(input);
    expect(first).toMatchObject({ rule, path, line, column });
    expect(first?.message).toMatch(message);
    expect(rest).toEqual([]);
  });

  it("several errors, which are all reported", () => {
    const bad = { ...buildRepoEntry(), state: "on", context: "prod", extra: 1 };
    expect(
      listProblems(text({ acme: { telemetry_repo: "acme/t", repos: { a: bad, "b c": buildRepoEntry() } } })).map(({ path }) => path),
    ).toEqual(["orgs.acme.repos.a.state", "orgs.acme.repos.a.context", "orgs.acme.repos.a.extra", "orgs.acme.repos.b c"]);
  });
});
