import { Option } from "commander";
import type { Finding } from "../../../infra/finding.js";
import { readOwnVersion } from "../../../process/own-version.js";
import { CliCommand } from "../../cli-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";
import { validateCheckout } from "./branch-state.js";
import { openCheckout, resolveCommit } from "./checkout.js";
import { formatAnnotation, formatFinding, toSarifLog } from "./finding-text.js";

const FORMATS = ["text", "json", "github", "sarif"] as const;

interface ValidateOptions {
  readonly base?: string;
  readonly format: (typeof FORMATS)[number];
}

/** `ogr infra validate`: checks every rule of the registry, for CI and for people. */
export function buildInfraValidateCommand(): CliCommand {
  return new CliCommand<ValidateOptions>("validate", "validate the registry of this checkout and its changelog")
    .option("--base <revision>", "the base branch, such as origin/main: also check the change against it")
    .addOption(new Option("--format <format>", "the format of the findings").choices(FORMATS).default("text"))
    .addExamples(
      "ogr infra validate",
      "ogr infra validate --base origin/main --format github",
      "ogr infra validate --format sarif > infra.sarif",
    )
    .run(async ({ options, out }) => {
      const checkout = await openCheckout(process.cwd());
      const base = options.base === undefined ? undefined : await resolveCommit(checkout, options.base);
      const findings = await validateCheckout(checkout, base, "no");
      const isValid = findings.every(({ severity }) => severity !== "error");
      const format = out.json ? "json" : options.format;
      const value = format === "sarif" ? toSarifLog(findings, readOwnVersion()) : { ok: isValid, findings };
      const text = format === "json" || format === "sarif" ? JSON.stringify(value) : formatReport(findings, isValid, format);
      out.print(value, text);
      if (!isValid) throw new UnsuccessfulExit(EXIT.error);
    });
}

function formatReport(findings: readonly Finding[], isValid: boolean, format: "text" | "github"): string {
  const lines = findings.map(format === "github" ? formatAnnotation : formatFinding);
  const count = findings.filter(({ severity }) => severity === "error").length;
  return [
    ...lines,
    isValid ? "The infra registry is valid." : `The infra registry is not valid: ${count} ${count === 1 ? "error" : "errors"}.`,
  ].join("\n");
}
