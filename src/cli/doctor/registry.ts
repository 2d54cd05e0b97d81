import { z } from "zod";
import { healthSchema, jwksSchema, openApiSchema } from "../../client/answers.js";
import { ask, type Connection } from "../../client/http/http.js";
import { required } from "../../client/http/problem.js";
import { whoami } from "../../client/http/registry-client.js";
import { ownVersion } from "../version.js";
import { type Finding, fine, looked, suspicious, wrong } from "./finding.js";
import { infraFinding } from "./infra.js";

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
export async function registryFindings({ server, token }: Connection): Promise<readonly Finding[]> {
  const connection = { server, timeout_ms: PATIENCE_MS };
  const reached = await looked("server", "Look whether the api runs and this machine may reach it.", () => serverFinding(server));
  if (reached.some(({ state }) => state === "problem")) return reached;
  const unexpected = "Ask again; if it stays so, read the api's log.";
  const parts = await Promise.all([
    looked("version", unexpected, () => versionFinding(connection)),
    looked("ready", unexpected, () => readyFindings(connection)),
    looked("health", unexpected, () => healthFindings(connection)),
    looked("keys", unexpected, () => keysFinding(connection)),
    token === undefined ? [] : looked("token", unexpected, () => tokenFindings({ ...connection, token })),
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

async function serverFinding(server: string): Promise<readonly Finding[]> {
  const before = Date.now();
  const answer = await fetch(new URL("/health", server), { signal: AbortSignal.timeout(PATIENCE_MS) }).catch((error: unknown) => {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    throw new Error(`${server} cannot be reached (${cause?.code ?? message}).`, { cause: error });
  });
  const after = Date.now();
  if (!answer.ok || !isHealth(await answer.text()))
    return [
      wrong(
        "server",
        `${server} answers, but not as a registry does (${answer.status}).`,
        "Check the address: --server, OGR_SERVER or the profile.",
      ),
    ];
  return [fine("server", `${server} answers in ${after - before} ms`), clockFinding(answer.headers.get("date"), (before + after) / 2)];
}

/** This machine's clock against the registry's; a prepared statement and a permit have times of the registry. */
function clockFinding(date: string | null, here_ms: number): Finding {
  const there_ms = Date.parse(date ?? "");
  if (Number.isNaN(there_ms))
    return suspicious("clock", "The registry does not say what time it is.", "Look what stands between here and the api.");
  // A whole second stands for its middle.
  const skew_ms = Math.round(there_ms + 500 - here_ms);
  if (Math.abs(skew_ms) <= SKEW_MAX_MS) return fine("clock", "this machine and the registry agree");
  const side = skew_ms > 0 ? "behind" : "ahead of";
  return wrong(
    "clock",
    `This machine's clock is about ${Math.round(Math.abs(skew_ms) / 1000)} s ${side} the registry's.`,
    "Set the clock of whichever is wrong (NTP).",
  );
}

async function versionFinding(connection: Connection): Promise<Finding> {
  const { info } = required(await ask(connection, { method: "GET", path: "/openapi.json" }, openApiSchema));
  const own = ownVersion();
  if (info.version === own) return fine("version", `${own}, here and there`);
  return suspicious(
    "version",
    `The registry is of release ${info.version}, and this ogr of ${own}.`,
    "Use the ogr of the registry's own release.",
  );
}

async function readyFindings(connection: Connection): Promise<readonly Finding[]> {
  const answer = await ask(connection, { method: "GET", path: "/ready" }, READINESS);
  const said: Readonly<Record<string, unknown>> = answer.ok ? answer.value : answer.problem;
  return Object.keys(NEXT).map((dependency) => {
    const verdict = said[dependency];
    if (verdict === "ok") return fine(dependency, "answers");
    const text = typeof verdict === "string" ? verdict : "The registry does not say how it is.";
    return wrong(dependency, text, NEXT[dependency] ?? "");
  });
}

async function healthFindings(connection: Connection): Promise<readonly Finding[]> {
  const { pollers, warnings } = required(await ask(connection, { method: "GET", path: "/health" }, healthSchema));
  const queues = (pollers ?? []).map(({ task_queue, pollers: count }) => {
    const check = `worker ${task_queue}`;
    if (count > 0) return fine(check, `${count} ${count === 1 ? "poller" : "pollers"}`);
    return wrong(check, "Nobody takes its work.", WORKERS[task_queue] ?? "Start its worker.");
  });
  // What the queues and readiness say already is not said twice.
  const others = warnings.filter((warning) => !/^Nobody polls|does not answer\.$/.test(warning));
  return [...queues, ...others.map((warning) => wrong("health", warning, "Mend what it names; see docs/operations.md."))];
}

async function keysFinding(connection: Connection): Promise<Finding> {
  const { keys } = required(await ask(connection, { method: "GET", path: "/v1/jwks.json" }, jwksSchema));
  if (keys.length === 0)
    return wrong(
      "keys",
      "The registry serves no public keys: nobody can verify what it signs.",
      "Check OGR_PERMIT_KEY_FILE and OGR_RECEIPT_JWKS_FILE of the api.",
    );
  return fine("keys", `${keys.length} public keys: ${keys.map(({ kid }) => kid).join(", ")}`);
}

/** Whose token it is, and what only somebody with a token is told. */
async function tokenFindings(connection: Connection): Promise<readonly Finding[]> {
  const answer = await whoami(connection);
  if (!answer.ok) return [wrong("token", answer.problem.detail, "Log in anew with `ogr auth login`, or set OGR_TOKEN to a good token.")];
  const { actor_id, tenant_id } = answer.value;
  return [fine("token", `${actor_id} of ${tenant_id}`), await infraFinding(connection, tenant_id)];
}
