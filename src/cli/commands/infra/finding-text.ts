import { type Finding, VALIDATION_RULES } from "../../../infra/finding.js";

/** Formats a finding like a compiler's, so that editors can jump to it. */
export function formatFinding({ file, line, column, severity, rule, message }: Finding): string {
  return `${file}:${line}:${column}: ${severity}: ${message} [${rule}]`;
}

/** Formats a finding as an annotation of GitHub Actions. Source: GitHub Docs, "Workflow commands for GitHub Actions". */
export function formatAnnotation({ file, line, column, severity, rule, message }: Finding): string {
  const command = severity === "note" ? "notice" : severity;
  const properties = Object.entries({ file, line, col: column, title: rule }).map(
    ([name, value]) => `${name}=${escapeProperty(String(value))}`,
  );
  return `::${command} ${properties.join(",")}::${escapeData(message)}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/** Returns the findings as a SARIF 2.1.0 log, for GitHub code scanning and editors. Source: OASIS SARIF 2.1.0. */
export function toSarifLog(findings: readonly Finding[], version: string): object {
  const ids = Object.keys(VALIDATION_RULES);
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "ogr infra validate",
            semanticVersion: version,
            rules: Object.entries(VALIDATION_RULES).map(([id, text]) => ({ id, shortDescription: { text } })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: findings.map(({ rule, severity, message, file, line, column }) => ({
          ruleId: rule,
          ruleIndex: ids.indexOf(rule),
          level: severity,
          message: { text: message },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: file.split("/").map(encodeURIComponent).join("/"), uriBaseId: "%SRCROOT%" },
                region: { startLine: line, startColumn: column },
              },
            },
          ],
        })),
      },
    ],
  };
}
