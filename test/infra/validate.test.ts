import { describe, expect, it } from "vitest";
import { formatAnnotation, toSarifLog } from "../../src/cli/commands/infra/finding-text.js";
import { formatChangelogLine } from "../../src/infra/changelog.js";
import { applyCommand, type InfraCommand } from "../../src/infra/command.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../src/infra/files.js";
import { type Finding, VALIDATION_RULES } from "../../src/infra/finding.js";
import { createEmptyRegistry, formatRegistry } from "../../src/infra/model.js";
import { type RegistryFiles, type ValidationInput, validateRegistry } from "../../src/infra/validate.js";
import { buildRegisterCommand, buildRepoEntry, buildUnregisterCommand, formatRegistryOfOrgs, NOW, requireRegistry } from "./samples.js";

/** Builds both files by running the commands. */
function buildFiles(commands: readonly InfraCommand[], from?: RegistryFiles): { registry: Buffer; changelog: Buffer } {
  let registry = from?.registry === undefined ? createEmptyRegistry() : requireRegistry(from.registry.toString("utf8"));
  let changelog = from?.changelog?.toString("utf8") ?? "";
  for (const command of commands) {
    const next = applyCommand(registry, command, NOW);
    if (!next.ok) throw new Error(next.refusal.message);
    registry = next.value.registry;
    changelog += formatChangelogLine(next.value.line);
  }
  return { registry: Buffer.from(formatRegistry(registry)), changelog: Buffer.from(changelog) };
}

function toFiles(registry: string | undefined, changelog: string | undefined): RegistryFiles {
  return {
    registry: registry === undefined ? undefined : Buffer.from(registry),
    changelog: changelog === undefined ? undefined : Buffer.from(changelog),
  };
}

const own = [REGISTRY_PATH, CHANGELOG_PATH];
function buildBase(base: RegistryFiles, more: Partial<NonNullable<ValidationInput["base"]>> = {}): NonNullable<ValidationInput["base"]> {
  return { ...base, changedPaths: own, isStale: false, ...more };
}

const formatFindings = (findings: readonly Finding[]) => findings.map(({ rule, severity, line }) => `${severity} ${rule} ${line}`);

describe("validation accepts", () => {
  const base = buildFiles([buildRegisterCommand("acme/site"), buildRegisterCommand("acme/shop", { context: "production" })]);

  it("the files that the commands write, alone and against any earlier state", () => {
    const head = buildFiles(
      [{ action: "disable", name: "acme/site", reason: "Over" }, buildUnregisterCommand("acme/shop"), buildRegisterCommand("new/x")],
      base,
    );
    expect(validateRegistry({ head })).toEqual([]);
    expect(validateRegistry({ head, base: buildBase(base) })).toEqual([]);
    expect(validateRegistry({ head, base: buildBase(toFiles(undefined, undefined)) })).toEqual([]);
    expect(validateRegistry({ head: base, base: buildBase(base, { changedPaths: ["README.md"] }) })).toEqual([]);
  });

  it("existing registries and changelogs of other tools", () => {
    const registry = JSON.stringify({
      schema_version: "2.0",
      generated_at: "2026-01-01T00:00:00Z",
      description: "All of it",
      orgs: {
        acme: {
          telemetry_repo: "acme/telemetry",
          repos: { site: buildRepoEntry({ reason: "" }), older: buildRepoEntry({ process: "by hand" }) },
        },
      },
    });
    const line = { timestamp: "2026-01-01T10:00:00+01:00", action: "register", owner: "acme", repo: "site", context: "sandbox" };
    const changelog = `${JSON.stringify({ ...line, telemetry_repo: "telemetry", reason: "", process: "infra-cli", schema_version: "2.0" })}\n`;
    expect(formatFindings(validateRegistry({ head: toFiles(registry, changelog) }))).toEqual(["note changelog-begins-late 1"]);
    const late = { timestamp: NOW, action: "disable", owner: "acme", repo: "x", process: "p", schema_version: "2.0" };
    const disabled = formatRegistryOfOrgs({ acme: { telemetry_repo: "acme/t", repos: { x: buildRepoEntry({ state: "disabled" }) } } });
    expect(validateRegistry({ head: toFiles(disabled, `${JSON.stringify(late)}\n`) })).toEqual([]);
  });
});

describe("validation refuses", () => {
  const base = buildFiles([buildRegisterCommand("acme/site"), buildRegisterCommand("acme/shop", { context: "production" })]);
  const editFiles = (from: string, to: string) =>
    toFiles(base.registry.toString("utf8").replace(from, to), base.changelog.toString("utf8"));
  const lines = base.changelog.toString("utf8").split("\n");

  it("a missing registry", () =>
    expect(formatFindings(validateRegistry({ head: toFiles(undefined, "") }))).toEqual(["error registry-missing 1"]));

  it("a registry that breaks its schema, with the place", () => {
    const [finding] = validateRegistry({ head: editFiles('"context": "production"', '"context": "prod"') });
    expect(finding).toMatchObject({ rule: "registry-schema", file: REGISTRY_PATH, line: 15, column: 22 });
    expect(finding?.message).toContain("orgs.acme.repos.shop.context");
  });

  it("an edit by hand without a line in the changelog", () => {
    expect(formatFindings(validateRegistry({ head: editFiles('"state": "enabled"', '"state": "disabled"') }))).toEqual([
      "error changelog-agrees 1",
    ]);
    const findings = validateRegistry({ head: editFiles('"reason": "A trial"', '"reason": "Other words"'), base: buildBase(base) });
    expect(formatFindings(findings)).toEqual(["error changelog-agrees 11"]);
    expect(findings[0]?.message).toContain("acme.repos.site.reason is A trial, and here it is Other words");
  });

  it("telemetry that is rerouted by hand within its org", () =>
    expect(formatFindings(validateRegistry({ head: editFiles('"acme/telemetry"', '"acme/other"'), base: buildBase(base) }))).toEqual([
      "error changelog-agrees 5",
    ]));

  it("a line without its change", () => {
    const longer = buildFiles([{ action: "disable", name: "acme/site", reason: "Over" }], base);
    expect(formatFindings(validateRegistry({ head: { ...longer, registry: base.registry }, base: buildBase(base) }))).toEqual([
      "error changelog-agrees 8",
      "error changelog-agrees 11",
    ]);
  });

  it.each([
    ["changed", [lines[0]?.replace("A trial", "Another"), lines[1], ""].join("\n"), 1],
    ["removed", `${lines[0]}\n`, 2],
    ["reordered", [lines[1], lines[0], ""].join("\n"), 1],
  ])("a line of the base branch that was %s", (_, changelog, line) => {
    const findings = validateRegistry({ head: { ...base, changelog: Buffer.from(changelog) }, base: buildBase(base) });
    expect(formatFindings(findings)).toContain(`error changelog-append-only ${line}`);
  });

  it("a changelog with an impossible sequence of actions", () => {
    const twice = `${lines[0]}\n${lines[0]}\n`;
    expect(
      formatFindings(
        validateRegistry({
          head: toFiles(formatRegistryOfOrgs({ acme: { telemetry_repo: "acme/telemetry", repos: { site: buildRepoEntry() } } }), twice),
        }),
      ),
    ).toEqual(["error changelog-agrees 2"]);
  });

  it.each([
    ["is not JSON", '{"timestamp"\n'],
    ["is truncated", lines[0] ?? ""],
    ["begins with a byte order mark", `\uFEFF${lines[0]}\n`],
    ["routes telemetry into another org", `${lines[0]?.replace("acme/telemetry", "other/telemetry")}\n`],
    ["has an unknown member", `${lines[0]?.replace("{", '{"operator":"x",')}\n`],
  ])("a line that %s", (_, changelog) => {
    const findings = validateRegistry({ head: { ...base, changelog: Buffer.from(changelog) } });
    expect(formatFindings(findings)[0]).toMatch(/^error changelog-line 1$/);
  });

  it("a line that is not UTF-8, with its number", () => {
    const bad = Buffer.from(`${lines[0]}\n${lines[1]?.replace("A trial", "\u00ff")}\n`, "latin1");
    expect(formatFindings(validateRegistry({ head: { ...base, changelog: bad } }))).toEqual(["error changelog-line 2"]);
  });

  it("a production repository that becomes a sandbox by changing the case of its name", () => {
    const moved = buildFiles([buildUnregisterCommand("acme/shop"), buildRegisterCommand("acme/Shop")], base);
    expect(formatFindings(validateRegistry({ head: moved, base: buildBase(base) }))).toEqual(["error production-immutable 15"]);
    const alone = buildFiles([buildRegisterCommand("acme/shop", { context: "production" })]);
    const org = buildFiles([buildUnregisterCommand("acme/shop"), buildRegisterCommand("Acme/shop")], alone);
    expect(formatFindings(validateRegistry({ head: org, base: buildBase(alone) }))).toEqual(["error production-immutable 9"]);
    expect(
      validateRegistry({
        head: buildFiles([buildRegisterCommand("ACME/Shop")], buildFiles([buildUnregisterCommand("acme/shop")], alone)),
        base: buildBase(buildFiles([buildUnregisterCommand("acme/shop")], alone)),
      }),
    ).toEqual([]);
  });

  it("a change of an enabled production repository's context in one step, with any lines in the changelog", () => {
    const moved = buildFiles([buildUnregisterCommand("acme/shop"), buildRegisterCommand("acme/shop", { context: "sandbox" })], base);
    expect(formatFindings(validateRegistry({ head: moved, base: buildBase(base) }))).toEqual(["error production-immutable 15"]);
    const through = buildFiles(
      [{ action: "disable", name: "acme/shop", reason: "x" }, buildUnregisterCommand("acme/shop"), buildRegisterCommand("acme/shop")],
      base,
    );
    expect(formatFindings(validateRegistry({ head: through, base: buildBase(base) }))).toEqual(["error production-immutable 15"]);
    const first = buildFiles([buildUnregisterCommand("acme/shop")], base);
    expect(validateRegistry({ head: first, base: buildBase(base) })).toEqual([]);
    expect(validateRegistry({ head: buildFiles([buildRegisterCommand("acme/shop")], first), base: buildBase(first) })).toEqual([]);
  });

  it("a change of the registry that includes other files", () => {
    const head = buildFiles([buildRegisterCommand("acme/more")], base);
    const findings = validateRegistry({ head, base: buildBase(base, { changedPaths: [...own, ".github/workflows/infra.yml"] }) });
    expect(findings).toMatchObject([{ rule: "only-registry-files", file: ".github/workflows/infra.yml", severity: "error" }]);
  });

  it("a branch that is behind its base", () =>
    expect(
      formatFindings(
        validateRegistry({ head: base, base: buildBase(buildFiles([buildRegisterCommand("new/x")], base), { isStale: true }) }),
      ),
    ).toContain("error base-stale 1"));

  it("no change without a reason, and only warns of it", () => {
    const head = buildFiles([buildRegisterCommand("acme/more", { reason: undefined })], base);
    expect(formatFindings(validateRegistry({ head, base: buildBase(base) }))).toEqual(["warning reason-missing 3"]);
  });
});

describe("a malformed base branch", () => {
  const whole = buildFiles([buildRegisterCommand("acme/site"), buildRegisterCommand("acme/shop", { context: "production" })]);
  const [first = "", second = ""] = whole.changelog.toString("utf8").split("\n");
  const broken = { ...whole, changelog: Buffer.from(`${first}\nno line\n${second}\n`) };

  it("can be repaired by a change that keeps every valid line", () => {
    expect(validateRegistry({ head: whole, base: buildBase(broken) })).toEqual([]);
    const more = buildFiles([buildRegisterCommand("acme/more")], whole);
    expect(validateRegistry({ head: more, base: buildBase(broken) })).toEqual([]);
  });

  it("still protects its valid lines and immutable contexts", () => {
    const forgotten = { ...whole, changelog: Buffer.from(`${second}\n`) };
    expect(formatFindings(validateRegistry({ head: forgotten, base: buildBase(broken) }))).toContain("error changelog-append-only 1");
    const reordered = { ...whole, changelog: Buffer.from(`${second}\n${first}\n`) };
    expect(formatFindings(validateRegistry({ head: reordered, base: buildBase(broken) }))).toContain("error changelog-append-only 3");
    const moved = buildFiles([buildUnregisterCommand("acme/shop"), buildRegisterCommand("acme/shop")], whole);
    expect(formatFindings(validateRegistry({ head: moved, base: buildBase(broken) }))).toEqual(["error production-immutable 15"]);
  });
});

describe("findings", () => {
  const finding: Finding = {
    rule: "changelog-agrees",
    severity: "error",
    file: "infra/a b.json",
    line: 3,
    column: 7,
    message: "50% of\nit: a,b",
  };

  it("are printed as annotations of GitHub Actions with escaped text", () =>
    expect(formatAnnotation(finding)).toBe("::error file=infra/a b.json,line=3,col=7,title=changelog-agrees::50%25 of%0Ait: a,b"));

  it("are printed as a SARIF 2.1.0 log with every rule", () => {
    const log = toSarifLog([finding], "0.1.0") as {
      version: string;
      runs: { tool: { driver: { rules: { id: string }[] } }; results: { ruleIndex: number }[] }[];
    };
    expect(log).toMatchObject({
      version: "2.1.0",
      runs: [
        {
          tool: { driver: { name: "ogr infra validate", semanticVersion: "0.1.0" } },
          results: [
            {
              ruleId: "changelog-agrees",
              level: "error",
              message: { text: finding.message },
              locations: [
                { physicalLocation: { artifactLocation: { uri: "infra/a%20b.json" }, region: { startLine: 3, startColumn: 7 } } },
              ],
            },
          ],
        },
      ],
    });
    const [run] = log.runs;
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual(Object.keys(VALIDATION_RULES));
    expect(run?.tool.driver.rules[run.results[0]?.ruleIndex ?? -1]?.id).toBe("changelog-agrees");
  });
});
