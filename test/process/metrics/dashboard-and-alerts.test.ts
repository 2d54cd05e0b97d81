import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { buildRegistries, listSeries } from "./all-metrics.js";
import { parseExpression } from "./promql.js";

const ALERTS = fileURLToPath(new URL("../../../ops/prometheus/alerts.yml", import.meta.url));
const PROMTOOL = "promtool";
const DASHBOARD = fileURLToPath(new URL("../../../ops/grafana/ogr.json", import.meta.url));

/** Metrics of Prometheus and the Pushgateway. */
const FOREIGN = ["up", "push_time_seconds"];
/** Labels that Prometheus adds to every series on a scrape. */
const SCRAPED = ["job", "instance"];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly action?: string };
}
interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const rules = (parse(readFileSync(ALERTS, "utf8")) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const panels = (JSON.parse(readFileSync(DASHBOARD, "utf8")) as { panels: Panel[] }).panels;
const asked = [
  ...rules.map(({ alert, expr }) => ({ where: `alert ${alert}`, expr })),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: `panel ${title}`, expr }))),
];
const series = listSeries(Object.values(buildRegistries()));
for (const name of FOREIGN) series.set(name, new Set());

describe("the dashboard and the alerts", () => {
  it.each(asked)("in $where use only metrics and labels that a process has", ({ expr }) => {
    const { metrics, grouped } = parseExpression(expr);
    expect(metrics.size).toBeGreaterThan(0);
    for (const [name, matched] of metrics) {
      const labels = series.get(name);
      expect(labels, name).toBeDefined();
      for (const label of [...matched, ...grouped]) expect([...(labels ?? []), ...SCRAPED], `${name}{${label}}`).toContain(label);
    }
  });

  it("use every metric of the registry", () => {
    const seen = new Set(asked.flatMap(({ expr }) => [...parseExpression(expr).metrics.keys()]));
    const ours = [...series.keys()].filter((name) => name.startsWith("ogr_") && !/_(?:sum|count)$/.test(name));
    expect(ours.filter((name) => !seen.has(name))).toEqual([]);
  });

  it("have a severity and a remedy for each alert", () => {
    for (const { alert, labels, annotations } of rules) {
      expect(["page", "ticket", "info"], alert).toContain(labels?.severity);
      expect(annotations?.summary, alert).toBeTruthy();
      expect(annotations?.action, alert).toBeTruthy();
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it("pass promtool's checks and rule tests", (context) => {
    if (!hasPromtool()) return context.skip("promtool is not on PATH");
    for (const check of [
      ["check", "rules", ALERTS],
      ["test", "rules", ALERTS.replace(/\.yml$/, ".test.yml")],
    ])
      expect(execFileSync(PROMTOOL, check, { encoding: "utf8" })).toMatch(/SUCCESS/);
  });
});

describe("parseExpression", () => {
  it("finds metrics, their matched labels and the grouping labels", () => {
    const { metrics, grouped } = parseExpression(
      `histogram_quantile(0.9, sum by (le, a) (rate(one_bucket{b="x y",c=~"d{2}"}[5m]))) > 2 and absent(two) or three offset 5m`,
    );
    expect([...metrics].map(([name, labels]) => [name, [...labels]])).toEqual([
      ["one_bucket", ["b", "c"]],
      ["two", []],
      ["three", []],
    ]);
    expect([...grouped]).toEqual(["le", "a"]);
  });
});

function hasPromtool(): boolean {
  try {
    execFileSync(PROMTOOL, ["--version"], { stdio: "ignore" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
