import { z } from "zod";
import { healthSchema, jwksSchema, openApiSchema } from "../../client/answers.js";
import { askRegistry, type Connection } from "../../client/http/http.js";
import { requireValue } from "../../client/http/problem.js";
import { fetchWhoami } from "../../client/http/registry-client.js";
import { readOwnVersion } from "../version.js";
import { buildOkFinding, buildProblemFinding, buildWarningFinding, type DoctorFinding, runCheck } from "./finding.js";
import { checkInfraRegistry } from "./infra.js";

const PATIENCE_MS = 10_000;
/** The `Date` of an answer has whole seconds, and permits need clocks within 5 s (contracts "Permit, command, claim, receipt"). */
const SKEW_MAX_MS = 6_000;

const READINESS = z.record(z.string(), z.unknown());

/** What each dependency of the registry is looked at for, where it does not serve. */
const NEXT: Readonly<Record<string, string>> = {
  database: "Look whether Postgres runs and accepts connections (DATABASE_URL of the api).",
  object_store: "Look whether the object store runs and the api's keys are good (OGR_S3_* of the api).",
  temporal: "Look whether Temporal runs and has the namespace (OGR_TEMPORAL_* of the api).",
};
const WORKERS: Readonly<Record<string, string>> = {
  LAB_256: "Start worker:lab256, or read in its log why it ended.",
  LAB_512: "Start worker:lab512 (the Runner), or read in its log why it ended.",
};

/** How a registry is, as far as one sees from here. What needs a token is left out without one. */
export async function checkRegistry({ server, token }: Connection): Promise<readonly DoctorFinding[]> {
  const connection = { server, timeoutMs: PATIENCE_MS };
  const reached = await runCheck("server", "Look whether the api runs and this machine may reach it.", () => checkServer(server));
  if (reached.some(({ state }) => state === "problem")) return reached;
  const unexpected = "Ask again; if it stays so, read the api's log.";
  const parts = await Promise.all([
    runCheck("version", unexpected, () => checkVersion(connection)),
    runCheck("ready", unexpected, () => checkRegistryReadiness(connection)),
    runCheck("health", unexpected, () => checkRegistryHealth(connection)),
    runCheck("keys", unexpected, () => checkServedKeys(connection)),
    token === undefined ? [] : runCheck("token", unexpected, () => checkToken({ ...connection, token })),
  ]);
  return [...reached, ...parts.flat()];
}

/** What is no JSON is no registry's answer either. */
function isHealth(text: string): boolean {
  try {
    return healthSchema.safeParse(JSON.parse(text)).success;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

async function checkServer(server: string): Promise<readonly DoctorFinding[]> {
  const before = Date.now();
  const answer = await fetch(new URL("/health", server), { signal: AbortSignal.timeout(PATIENCE_MS) }).catch((error: unknown) => {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    throw new Error(`${server} cannot be reached (${cause?.code ?? message}).`, { cause: error });
  });
  const after = Date.now();
  if (!answer.ok || !isHealth(await answer.text()))
    return [
      buildProblemFinding(
        "server",
        `${server} answers, but not as a registry does (${answer.status}).`,
        "Check the address: --server, OGR_SERVER or the profile.",
      ),
    ];
  return [
    buildOkFinding("server", `${server} answers in ${after - before} ms`),
    checkClock(answer.headers.get("date"), (before + after) / 2),
  ];
}

/** This machine's clock against the registry's; a prepared statement and a permit have times of the registry. */
function checkClock(date: string | null, hereMs: number): DoctorFinding {
  const thereMs = Date.parse(date ?? "");
  if (Number.isNaN(thereMs))
    return buildWarningFinding("clock", "The registry does not say what time it is.", "Look what stands between here and the api.");
  // A whole second stands for its middle.
  const skewMs = Math.round(thereMs + 500 - hereMs);
  if (Math.abs(skewMs) <= SKEW_MAX_MS) return buildOkFinding("clock", "this machine and the registry agree");
  const side = skewMs > 0 ? "behind" : "ahead of";
  return buildProblemFinding(
    "clock",
    `This machine's clock is about ${Math.round(Math.abs(skewMs) / 1000)} s ${side} the registry's.`,
    "Set the clock of whichever is wrong (NTP).",
  );
}

async function checkVersion(connection: Connection): Promise<DoctorFinding> {
  const { info } = requireValue(await askRegistry(connection, { method: "GET", path: "/openapi.json" }, openApiSchema));
  const own = readOwnVersion();
  if (info.version === own) return buildOkFinding("version", `${own}, here and there`);
  return buildWarningFinding(
    "version",
    `The registry is of release ${info.version}, and this ogr of ${own}.`,
    "Use the ogr of the registry's own release.",
  );
}

async function checkRegistryReadiness(connection: Connection): Promise<readonly DoctorFinding[]> {
  const answer = await askRegistry(connection, { method: "GET", path: "/ready" }, READINESS);
  const said: Readonly<Record<string, unknown>> = answer.ok ? answer.value : answer.problem;
  return Object.keys(NEXT).map((dependency) => {
    const verdict = said[dependency];
    if (verdict === "ok") return buildOkFinding(dependency, "answers");
    const text = typeof verdict === "string" ? verdict : "The registry does not say how it is.";
    return buildProblemFinding(dependency, text, NEXT[dependency] ?? "");
  });
}

async function checkRegistryHealth(connection: Connection): Promise<readonly DoctorFinding[]> {
  const { pollers, warnings } = requireValue(await askRegistry(connection, { method: "GET", path: "/health" }, healthSchema));
  const queues = (pollers ?? []).map(({ task_queue, pollers: count }) => {
    const check = `worker ${task_queue}`;
    if (count > 0) return buildOkFinding(check, `${count} ${count === 1 ? "poller" : "pollers"}`);
    return buildProblemFinding(check, "Nobody takes its work.", WORKERS[task_queue] ?? "Start its worker.");
  });
  // What the queues and readiness say already is not said twice.
  const others = warnings.filter((warning) => !/^Nobody polls|does not answer\.$/.test(warning));
  return [
    ...queues,
    ...others.map((warning) => buildProblemFinding("health", warning, "Mend what it names; see docs/operations/watch.md.")),
  ];
}

async function checkServedKeys(connection: Connection): Promise<DoctorFinding> {
  const { keys } = requireValue(await askRegistry(connection, { method: "GET", path: "/v1/jwks.json" }, jwksSchema));
  if (keys.length === 0)
    return buildProblemFinding(
      "keys",
      "The registry serves no public keys: nobody can verify what it signs.",
      "Check OGR_PERMIT_KEY_FILE and OGR_RECEIPT_JWKS_FILE of the api.",
    );
  return buildOkFinding("keys", `${keys.length} public keys: ${keys.map(({ kid }) => kid).join(", ")}`);
}

/** Whose token it is, and what only somebody with a token is told. */
async function checkToken(connection: Connection): Promise<readonly DoctorFinding[]> {
  const answer = await fetchWhoami(connection);
  if (!answer.ok)
    return [buildProblemFinding("token", answer.problem.detail, "Log in anew with `ogr auth login`, or set OGR_TOKEN to a good token.")];
  const { actor_id, tenant_id } = answer.value;
  return [buildOkFinding("token", `${actor_id} of ${tenant_id}`), await checkInfraRegistry(connection, tenant_id)];
}
