import type { Command } from "commander";
import { jwksSchema } from "../../../client/answers.js";
import { ask, type Connection } from "../../../client/http/http.js";
import { RegistryFault } from "../../../client/http/problem.js";
import { type ConnectionOptions, chosenConnection, chosenServer } from "../../connection/connection.js";
import type { Finding } from "../../doctor/finding.js";
import { machineFindings } from "../../doctor/machine.js";
import { registryFindings } from "../../doctor/registry.js";
import { EXIT } from "../../exit-codes.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import type { Output } from "../../terminal/output.js";
import { withProgress } from "../../terminal/progress.js";
import { Ended, UsageError } from "../../usage.js";
import { installationFindings } from "./installation.js";

const MARKS = { ok: "✓", warning: "!", problem: "✗", skipped: "–" } as const;

/** `ogr doctor`: looks at everything that the registry stands on, and says of each thing that is wrong what to do. */
export function doctor(): Command {
  const command = registryLeaf<ConnectionOptions>(
    "doctor",
    "check this machine, the registry and all that it needs",
    async ({ options, out }) => {
      const findings = await withProgress(out, (step) => {
        step("looking");
        return allFindings(options);
      });
      for (const finding of findings) show(finding, out);
      const problems = findings.filter(({ state }) => state === "problem").length;
      const verdict = problems === 0 ? "Nothing is wrong." : `${problems} ${problems === 1 ? "thing is" : "things are"} wrong.`;
      out.print({ ok: problems === 0, problems }, `\n${verdict}`);
      if (problems > 0) throw new Ended(EXIT.error);
    },
  ).addHelpText(
    "after",
    "\nWith the environment of a process of the registry it looks deeper: OGR_STORE (conditional writes), DATABASE_URL (schema, telemetry),\nOGR_PERMIT_KEY_FILE and OGR_STATEMENT_KEY_FILE (are they the registry's).",
  );
  return withExamples(command, "ogr doctor", "ogr doctor --profile work --json", "set -a; . ./api.env; ogr doctor");
}

async function allFindings(options: ConnectionOptions): Promise<readonly Finding[]> {
  const connection = await connectionTo(options);
  const [machine, registry, keyIds] = await Promise.all([
    machineFindings(process.env),
    connection === undefined ? noRegistry() : registryFindings(connection),
    connection === undefined ? new Set<string>() : servedKeyIds(connection),
  ]);
  return [...machine, ...registry, ...(await installationFindings(process.env, keyIds))];
}

/** The registry that is meant, with its token where there is one. */
async function connectionTo(options: ConnectionOptions): Promise<Connection | undefined> {
  try {
    return (await chosenConnection(options, process.env)).connection;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
  try {
    return { server: (await chosenServer(options, process.env)).server };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function noRegistry(): readonly Finding[] {
  const next = "Log in with `ogr auth login`, give --server, set OGR_SERVER, or start one with `ogr dev`.";
  return [{ check: "server", state: "problem", text: "No registry is named.", next }];
}

async function servedKeyIds({ server }: Connection): Promise<ReadonlySet<string>> {
  try {
    const answer = await ask({ server, timeout_ms: 10_000 }, { method: "GET", path: "/v1/jwks.json" }, jwksSchema);
    return new Set(answer.ok ? answer.value.keys.map(({ kid }) => kid) : []);
  } catch (error) {
    // That it does not answer is a finding of its own.
    if (error instanceof RegistryFault) return new Set();
    throw error;
  }
}

function show(finding: Finding, out: Output): void {
  const { check, state, text, next } = finding;
  out.print(finding, `${MARKS[state]} ${check.padEnd(20)} ${text}${next === undefined ? "" : `\n${" ".repeat(23)}→ ${next}`}`);
}
