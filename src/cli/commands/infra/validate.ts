import { type Command, Option } from "commander";
import type { Finding } from "../../../infra/finding.js";
import { EXIT } from "../../exit-codes.js";
import { leaf, withExamples } from "../../leaf.js";
import { Ended } from "../../usage.js";
import { ownVersion } from "../../version.js";
import { findingsOf } from "./branch-state.js";
import { commitOf, openCheckout } from "./checkout.js";
import { annotationText, findingText, sarifLog } from "./finding-text.js";

const FORMATS = ["text", "json", "github", "sarif"] as const;

interface ValidateOptions {
  readonly base?: string;
  readonly format: (typeof FORMATS)[number];
}

/** `ogr infra validate`: every rule of the registry, in any checkout; for CI and for people. */
export function infraValidate(): Command {
  const command = leaf<ValidateOptions>("validate", "check the registry of this checkout, and its changelog", async ({ options, out }) => {
    const checkout = await openCheckout(process.cwd());
    const base = options.base === undefined ? undefined : await commitOf(checkout, options.base);
    const findings = await findingsOf(checkout, base, "no");
    const is_valid = findings.every(({ severity }) => severity !== "error");
    const format = out.json ? "json" : options.format;
    const value = format === "sarif" ? sarifLog(findings, ownVersion()) : { ok: is_valid, findings };
    const text = format === "json" || format === "sarif" ? JSON.stringify(value) : textOf(findings, is_valid, format);
    out.print(value, text);
    if (!is_valid) throw new Ended(EXIT.error);
  })
    .option("--base <revision>", "the base branch, such as origin/main: also check what the change does to it")
    .addOption(new Option("--format <format>", "how findings are written").choices(FORMATS).default("text"));
  return withExamples(
    command,
    "ogr infra validate",
    "ogr infra validate --base origin/main --format github",
    "ogr infra validate --format sarif > infra.sarif",
  );
}

function textOf(findings: readonly Finding[], is_valid: boolean, format: "text" | "github"): string {
  const lines = findings.map(format === "github" ? annotationText : findingText);
  const count = findings.filter(({ severity }) => severity === "error").length;
  return [
    ...lines,
    is_valid ? "The infra registry is valid." : `The infra registry is not valid: ${count} ${count === 1 ? "error" : "errors"}.`,
  ].join("\n");
}
