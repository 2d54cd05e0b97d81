import { describe, expect, it } from "vitest";
import { formatAnnotation, toSarifLog } from "../../src/cli/commands/infra/finding-text.js";
import { formatChangelogLine } from "../../src/infra/changelog.js";
import { applyCommand, type InfraCommand } from "../../src/infra/command.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../src/infra/files.js";
import { type Finding, VALIDATION_RULES } from "../../src/infra/finding.js";
import { createEmptyRegistry, formatRegistry } from "../../src/infra/model.js";
import { type RegistryFiles, type ValidationInput, validateRegistry } from "../../src/infra/validate.js";
import { NOW, register, registryFrom, registryOfOrgs, repoEntry, unregister } from "./samples.js";

/** Both files as these commands leave them. */
function files(commands: readonly InfraCommand[], from?: RegistryFiles): { registry: Buffer; changelog: Buffer } {
  let registry = from?.registry === undefined ? createEmptyRegistry() : registryFrom(from.registry.toString("utf8"));
  let changelog = from?.changelog?.toString("utf8") ?? "";
  for (const command of commands) {
    const next = applyCommand(registry, command, NOW);
    if (!next.ok) throw new Error(next.refusal.message);
    registry = next.value.registry;
    changelog += formatChangelogLine(next.value.line);
  }
  return { registry: Buffer.from(formatRegistry(registry)), changelog: Buffer.from(changelog) };
}

function of(registry: string | undefined, changelog: string | undefined): RegistryFiles {
  return {
    registry: registry === undefined ? undefined : Buffer.from(registry),
    changelog: changelog === undefined ? undefined : Buffer.from(changelog),
  };
}

const own = [REGISTRY_PATH, CHANGELOG_PATH];
function against(base: RegistryFiles, more: Partial<NonNullable<ValidationInput["base"]>> = {}): NonNullable<ValidationInput["base"]> {
  return { ...base, changedPaths: own, isStale: false, ...more };
}

const rules = (findings: readonly Finding[]) => findings.map(({ rule, severity, line }) => `${severity} ${rule} ${line}`);

describe("validation accepts", () => {
  const base = files([register("acme/site"), register("acme/shop", { context: "production" })]);

  it("what the commands make, alone and against any earlier state of it", () => {
    const head = files([{ action: "disable", name: "acme/site", reason: "Over" }, unregister("acme/shop"), register("new/x")], base);
    expect(validateRegistry({ head })).toEqual([]);
    expect(validateRegistry({ head, base: against(base) })).toEqual([]);
    expect(validateRegistry({ head, base: against(of(undefined, undefined)) })).toEqual([]);
    expect(validateRegistry({ head: base, base: against(base, { changedPaths: ["README.md"] }) })).toEqual([]);
  });

  it("registries and changelogs from the wild", () => {
    const registry = JSON.stringify({
      schema_version: "2.0",
      generated_at: "2026-01-01T00:00:00Z",
      description: "All of it",
      orgs: {
        acme: { telemetry_repo: "acme/telemetry", repos: { site: repoEntry({ reason: "" }), older: repoEntry({ process: "by hand" }) } },
      },
    });
    const line = { timestamp: "2026-01-01T10:00:00+01:00", action: "register", owner: "acme", repo: "site", context: "sandbox" };
    const changelog = `${JSON.stringify({ ...line, telemetry_repo: "telemetry", reason: "", process: "infra-cli", schema_version: "2.0" })}\n`;
    expect(rules(validateRegistry({ head: of(registry, changelog) }))).toEqual(["note changelog-begins-late 1"]);
    const late = { timestamp: NOW, action: "disable", owner: "acme", repo: "x", process: "p", schema_version: "2.0" };
    const disabled = registryOfOrgs({ acme: { telemetry_repo: "acme/t", repos: { x: repoEntry({ state: "disabled" }) } } });
    expect(validateRegistry({ head: of(disabled, `${JSON.stringify(late)}\n`) })).toEqual([]);
  });
});

describe("validation refuses", () => {
  const base = files([register("acme/site"), register("acme/shop", { context: "production" })]);
  const edited = (from: string, to: string) => of(base.registry.toString("utf8").replace(from, to), base.changelog.toString("utf8"));
  const lines = base.changelog.toString("utf8").split("\n");

  it("a registry that is not there", () =>
    expect(rules(validateRegistry({ head: of(undefined, "") }))).toEqual(["error registry-missing 1"]));

  it("a registry that breaks its schema, at its place", () => {
    const [finding] = validateRegistry({ head: edited('"context": "production"', '"context": "prod"') });
    expect(finding).toMatchObject({ rule: "registry-schema", file: REGISTRY_PATH, line: 15, column: 22 });
    expect(finding?.message).toContain("orgs.acme.repos.shop.context");
  });

  it("an edit by hand that no line of the changelog made", () => {
    expect(rules(validateRegistry({ head: edited('"state": "enabled"', '"state": "disabled"') }))).toEqual(["error changelog-agrees 1"]);
    const findings = validateRegistry({ head: edited('"reason": "A trial"', '"reason": "Other words"'), base: against(base) });
    expect(rules(findings)).toEqual(["error changelog-agrees 11"]);
    expect(findings[0]?.message).toContain("acme.repos.site.reason is A trial, and here it is Other words");
  });

  it("telemetry that is routed elsewhere by hand, though it stays in its org", () =>
    expect(rules(validateRegistry({ head: edited('"acme/telemetry"', '"acme/other"'), base: against(base) }))).toEqual([
      "error changelog-agrees 5",
    ]));

  it("a line without its mutation", () => {
    const longer = files([{ action: "disable", name: "acme/site", reason: "Over" }], base);
    expect(rules(validateRegistry({ head: { ...longer, registry: base.registry }, base: against(base) }))).toEqual([
      "error changelog-agrees 8",
      "error changelog-agrees 11",
    ]);
  });

  it.each([
    ["changed", [lines[0]?.replace("A trial", "Another"), lines[1], ""].join("\n"), 1],
    ["removed", `${lines[0]}\n`, 2],
    ["put in another order", [lines[1], lines[0], ""].join("\n"), 1],
  ])("a line of the base branch that was %s", (_, changelog, line) => {
    const findings = validateRegistry({ head: { ...base, changelog: Buffer.from(changelog) }, base: against(base) });
    expect(rules(findings)).toContain(`error changelog-append-only ${line}`);
  });

  it("a changelog that cannot have happened", () => {
    const twice = `${lines[0]}\n${lines[0]}\n`;
    expect(
      rules(
        validateRegistry({ head: of(registryOfOrgs({ acme: { telemetry_repo: "acme/telemetry", repos: { site: repoEntry() } } }), twice) }),
      ),
    ).toEqual(["error changelog-agrees 2"]);
  });

  it.each([
    ["is no JSON", '{"timestamp"\n'],
    ["is cut off", lines[0] ?? ""],
    ["begins with a byte order mark", `\uFEFF${lines[0]}\n`],
    ["routes telemetry into another org", `${lines[0]?.replace("acme/telemetry", "other/telemetry")}\n`],
    ["has a member of somebody's own", `${lines[0]?.replace("{", '{"operator":"x",')}\n`],
  ])("a line that %s", (_, changelog) => {
    const findings = validateRegistry({ head: { ...base, changelog: Buffer.from(changelog) } });
    expect(rules(findings)[0]).toMatch(/^error changelog-line 1$/);
  });

  it("a line that is not UTF-8, at its number", () => {
    const bad = Buffer.from(`${lines[0]}\n${lines[1]?.replace("A trial", "\u00ff")}\n`, "latin1");
    expect(rules(validateRegistry({ head: { ...base, changelog: bad } }))).toEqual(["error changelog-line 2"]);
  });

  it("a production repository that becomes a sandbox by changing the case of its name", () => {
    const moved = files([unregister("acme/shop"), register("acme/Shop")], base);
    expect(rules(validateRegistry({ head: moved, base: against(base) }))).toEqual(["error production-immutable 15"]);
    const alone = files([register("acme/shop", { context: "production" })]);
    const org = files([unregister("acme/shop"), register("Acme/shop")], alone);
    expect(rules(validateRegistry({ head: org, base: against(alone) }))).toEqual(["error production-immutable 9"]);
    expect(
      validateRegistry({
        head: files([register("ACME/Shop")], files([unregister("acme/shop")], alone)),
        base: against(files([unregister("acme/shop")], alone)),
      }),
    ).toEqual([]);
  });

  it("the context of an enabled production repository changed in one go, however it is written down", () => {
    const moved = files([unregister("acme/shop"), register("acme/shop", { context: "sandbox" })], base);
    expect(rules(validateRegistry({ head: moved, base: against(base) }))).toEqual(["error production-immutable 15"]);
    const through = files([{ action: "disable", name: "acme/shop", reason: "x" }, unregister("acme/shop"), register("acme/shop")], base);
    expect(rules(validateRegistry({ head: through, base: against(base) }))).toEqual(["error production-immutable 15"]);
    const first = files([unregister("acme/shop")], base);
    expect(validateRegistry({ head: first, base: against(base) })).toEqual([]);
    expect(validateRegistry({ head: files([register("acme/shop")], first), base: against(first) })).toEqual([]);
  });

  it("a change of the registry that brings something else along", () => {
    const head = files([register("acme/more")], base);
    const findings = validateRegistry({ head, base: against(base, { changedPaths: [...own, ".github/workflows/infra.yml"] }) });
    expect(findings).toMatchObject([{ rule: "only-registry-files", file: ".github/workflows/infra.yml", severity: "error" }]);
  });

  it("a branch that does not know what its base did meanwhile", () =>
    expect(rules(validateRegistry({ head: base, base: against(files([register("new/x")], base), { isStale: true }) }))).toContain(
      "error base-stale 1",
    ));

  it("nothing for want of a reason, and says so", () => {
    const head = files([register("acme/more", { reason: undefined })], base);
    expect(rules(validateRegistry({ head, base: against(base) }))).toEqual(["warning reason-missing 3"]);
  });
});

describe("a base branch that cannot be read", () => {
  const whole = files([register("acme/site"), register("acme/shop", { context: "production" })]);
  const [first = "", second = ""] = whole.changelog.toString("utf8").split("\n");
  const broken = { ...whole, changelog: Buffer.from(`${first}\nno line\n${second}\n`) };

  it("is put right by a change that keeps every line that can be read", () => {
    expect(validateRegistry({ head: whole, base: against(broken) })).toEqual([]);
    const more = files([register("acme/more")], whole);
    expect(validateRegistry({ head: more, base: against(broken) })).toEqual([]);
  });

  it("gives up none of its readable lines, nor what is immutable", () => {
    const forgotten = { ...whole, changelog: Buffer.from(`${second}\n`) };
    expect(rules(validateRegistry({ head: forgotten, base: against(broken) }))).toContain("error changelog-append-only 1");
    const reordered = { ...whole, changelog: Buffer.from(`${second}\n${first}\n`) };
    expect(rules(validateRegistry({ head: reordered, base: against(broken) }))).toContain("error changelog-append-only 3");
    const moved = files([unregister("acme/shop"), register("acme/shop")], whole);
    expect(rules(validateRegistry({ head: moved, base: against(broken) }))).toEqual(["error production-immutable 15"]);
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

  it("are annotations of GitHub Actions, whose words end no command", () =>
    expect(formatAnnotation(finding)).toBe("::error file=infra/a b.json,line=3,col=7,title=changelog-agrees::50%25 of%0Ait: a,b"));

  it("are a log of SARIF 2.1.0 that names every rule", () => {
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
