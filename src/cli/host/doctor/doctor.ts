import { askRegistry, type Connection } from "../../../client/http/http.js";
import { RegistryFault } from "../../../client/http/problem.js";
import { jwksSchema } from "../../../domain/bytes/jwks.js";
import { RegistryCommand } from "../../cli-command.js";
import { type ConnectionOptions, resolveConnection, resolveServer } from "../../connection/connection.js";
import type { DoctorFinding } from "../../doctor/finding.js";
import { checkMachine } from "../../doctor/machine.js";
import { checkRegistry } from "../../doctor/registry.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit, UsageError } from "../../failure.js";
import type { Output } from "../../terminal/output.js";
import { withProgress } from "../../terminal/progress.js";
import { checkInstallation } from "./installation.js";

const MARKS = { ok: "✓", warning: "!", problem: "✗", skipped: "–" } as const;

/** `ogr doctor`: checks everything that the registry depends on, and tells what to do about each problem. */
export function buildDoctorCommand(): RegistryCommand {
  return new RegistryCommand<ConnectionOptions>("doctor", "check this machine, the registry and its dependencies")
    .addHelpText(
      "after",
      "\nWith the environment of a registry process it checks more: OGR_STORE (conditional writes), DATABASE_URL (schema, telemetry),\nOGR_PERMIT_KEY_FILE and OGR_STATEMENT_KEY_FILE (whether the registry serves these keys).",
    )
    .addExamples("ogr doctor", "ogr doctor --profile work --json", "set -a; . ./api.env; ogr doctor")
    .run(async ({ options, out }) => {
      const findings = await withProgress(out, "checking", () => runAllChecks(options));
      for (const finding of findings) printFinding(finding, out);
      const problems = findings.filter(({ state }) => state === "problem").length;
      const verdict = problems === 0 ? "No problems found." : `${problems} ${problems === 1 ? "problem" : "problems"} found.`;
      out.print({ ok: problems === 0, problems }, `\n${verdict}`);
      if (problems > 0) throw new UnsuccessfulExit(EXIT.error);
    });
}

async function runAllChecks(options: ConnectionOptions): Promise<readonly DoctorFinding[]> {
  const connection = await findConnection(options);
  const [machine, registry, keyIds] = await Promise.all([
    checkMachine(process.env),
    connection === undefined ? buildNoRegistryFindings() : checkRegistry(connection),
    connection === undefined ? new Set<string>() : fetchServedKeyIds(connection),
  ]);
  return [...machine, ...registry, ...(await checkInstallation(process.env, keyIds))];
}

/** Finds the selected registry, with its token if there is one. */
async function findConnection(options: ConnectionOptions): Promise<Connection | undefined> {
  try {
    return (await resolveConnection(options, process.env)).connection;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
  try {
    return { server: (await resolveServer(options, process.env)).server };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function buildNoRegistryFindings(): readonly DoctorFinding[] {
  const next = "Log in with `ogr auth login`, pass --server, set OGR_SERVER, or start one with `ogr dev`.";
  return [{ check: "server", state: "problem", text: "No registry is selected.", next }];
}

async function fetchServedKeyIds({ server }: Connection): Promise<ReadonlySet<string>> {
  try {
    const answer = await askRegistry({ server, timeoutMs: 10_000 }, { method: "GET", path: "/v1/jwks.json" }, jwksSchema);
    return new Set(answer.ok ? answer.value.keys.map(({ kid }) => kid) : []);
  } catch (error) {
    // Another check reports an unreachable registry.
    if (error instanceof RegistryFault) return new Set();
    throw error;
  }
}

function printFinding(finding: DoctorFinding, out: Output): void {
  const { check, state, text, next } = finding;
  out.print(finding, `${MARKS[state]} ${check.padEnd(20)} ${text}${next === undefined ? "" : `\n${" ".repeat(23)}→ ${next}`}`);
}
