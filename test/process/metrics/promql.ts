/** The metrics of a PromQL expression with their matched labels, and its grouping labels. */
export interface PromqlQuery {
  readonly metrics: ReadonlyMap<string, ReadonlySet<string>>;
  readonly grouped: ReadonlySet<string>;
}

const WORDS = new Set(["and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"]);
const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";

/** Parses the subset of PromQL in the dashboard and the alerts. Source: Prometheus, "Querying basics". */
export function parseExpression(expression: string): PromqlQuery {
  const metrics = new Map<string, Set<string>>();
  const grouped = new Set<string>();
  // Quoted text is always a value.
  const bare = expression.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  let text = bare.replace(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_all, labels: string) => {
    for (const label of listNames(labels)) grouped.add(label);
    return " ";
  });
  text = text.replace(new RegExp(`(${NAME})\\s*\\{([^}]*)\\}`, "g"), (_all, metric: string, matchers: string) => {
    for (const label of listNames(matchers)) ensureLabels(metrics, metric).add(label);
    return " ";
  });
  text = text.replace(/\[[^\]]*\]/g, " ");
  for (const match of text.matchAll(new RegExp(`(?<![\\w.])(${NAME})(\\s*\\()?`, "g"))) {
    const [, name = "", isCalled] = match;
    if (isCalled === undefined && !WORDS.has(name)) ensureLabels(metrics, name);
  }
  return { metrics, grouped };
}

function ensureLabels(metrics: Map<string, Set<string>>, name: string): Set<string> {
  const labels = metrics.get(name) ?? new Set<string>();
  metrics.set(name, labels);
  return labels;
}

function listNames(text: string): string[] {
  return text.match(new RegExp(NAME, "g")) ?? [];
}
