import { Option } from "commander";
import { CATALOG, CONFIGURED_PROCESSES, type ConfiguredProcess, listSettings, type Setting } from "../../configuration/catalog.js";
import { type Layers, readLayers } from "../../configuration/layers.js";
import { checkConfiguration } from "../../configuration/read.js";
import { CliCommand } from "../cli-command.js";
import { EXIT } from "../exit-codes.js";
import { UnsuccessfulExit } from "../failure.js";
import type { Output } from "../terminal/output.js";

interface ConfigOptions {
  readonly process?: ConfiguredProcess;
  readonly check?: boolean;
}

/** `ogr config`: prints the settings that each process would start with here, their sources and their meaning. */
export function buildConfigCommand(): CliCommand {
  return new CliCommand<ConfigOptions>("config", "print the settings of the processes: values, sources, meanings")
    .addOption(new Option("--process <name>", "one process only").choices(CONFIGURED_PROCESSES))
    .option("--check", "print only the problems; exits with 1 if there is any")
    .addHelpText("after", "\nReads the environment and, beneath it, the file that OGR_CONFIG_FILE names. Secrets are masked.")
    .addExamples("ogr config --process api", "OGR_CONFIG_FILE=registry.yaml ogr config --check")
    .run(async ({ options, out }) => {
      const layers = readLayers(process.env);
      const asked = options.process === undefined ? CONFIGURED_PROCESSES : [options.process];
      if (options.check === true) return checkProcesses(asked, layers, out);
      for (const name of asked) printSettings(name, layers, out);
    });
}

function printSettings(name: ConfiguredProcess, layers: Layers, out: Output): void {
  for (const [n, setting] of listSettings(name).entries()) {
    const { key, meaning, required } = setting;
    const { value, source } = resolveSetting(setting, layers);
    const text = `  ${key} = ${value ?? formatMissingValue(setting)}${source === "unset" ? "" : `  [${source}]`}\n      ${meaning}`;
    out.print({ process: name, key, value, source, required, meaning }, n === 0 ? `${name}\n${text}` : text);
  }
}

function checkProcesses(asked: readonly ConfiguredProcess[], layers: Layers, out: Output): void {
  const verdicts = asked.map((name) => ({ process: name, problems: checkConfiguration<unknown>(CATALOG[name], layers).problems }));
  for (const { process: name, problems } of verdicts) {
    const lines = problems.map(({ field, problem }) => `\n  ${field}: ${problem}`);
    const text = `${name}: ${lines.length === 0 ? "no problems" : `cannot start${lines.join("")}`}`;
    out.print({ process: name, ok: problems.length === 0, problems }, text);
  }
  if (verdicts.some(({ problems }) => problems.length > 0)) throw new UnsuccessfulExit(EXIT.error);
}

function resolveSetting({ key, secret, preset }: Setting, { found }: Layers): { readonly value: string | null; readonly source: string } {
  const one = found.get(key);
  if (one === undefined) return preset === undefined ? { value: null, source: "unset" } : { value: preset, source: "default" };
  return { value: secret ? maskSecret(one.value) : one.value, source: one.source };
}

/** Keeps the parts of an address that are no secret: the server, the database, the account. */
function maskSecret(secret: string): string {
  if (!secret.includes("://") || !URL.canParse(secret)) return "***";
  const { protocol, username, host, pathname } = new URL(secret);
  return `${protocol}//${username === "" ? "" : `${username}:***@`}${host}${pathname}`;
}

function formatMissingValue({ required, onlyWith }: Setting): string {
  if (!required) return "(not set)";
  return onlyWith === undefined ? "(required, and not set)" : `(not set; required with ${onlyWith})`;
}
