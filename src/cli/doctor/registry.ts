import { z } from "zod";
import { charterSchema, healthSchema, openApiSchema } from "../../client/answers.js";
import { askRegistry, type Connection } from "../../client/http/http.js";
import { requireValue } from "../../client/http/problem.js";
import { fetchWhoami } from "../../client/http/registry-client.js";
import { jwksSchema } from "../../domain/bytes/jwks.js";
import { parseJson } from "../../domain/json.js";
import { toShownLine } from "../../domain/shown-text.js";
import { readOwnVersion } from "../../process/own-version.js";
import { buildOkFinding, buildProblemFinding, buildWarningFinding, type DoctorFinding, runCheck } from "./finding.js";
import { checkInfraRegistry } from "./infra.js";

const PATIENCE_MS = 10_000;
/** The `Date` of an answer has whole seconds, and permits need clocks within 5 s (contracts "Permit, command, claim, receipt"). */
const SKEW_MAX_MS = 6_000;

const READINESS = z.record(z.string(), z.unknown());

/** The next step for each dependency that does not respond. */
const NEXT: Readonly<Record<string, string>> = {
  database: "Check that Postgres runs and accepts connections (DATABASE_URL of the api).",
  object_store: "Check that the object store runs and accepts the api's keys (OGR_S3_* of the api).",
  temporal: "Check that Temporal runs and has the namespace (OGR_TEMPORAL_* of the api).",
};
const WORKERS: Readonly<Record<string, string>> = {
  LAB_256: "Start worker:lab256, or read its log.",
  LAB_512: "Start worker:lab512 (the Runner), or read its log.",
};

/** Checks a registry from outside. Without a token, skips the checks that need one. */
export async function checkRegistry({ server, token }: Connection): Promise<readonly DoctorFinding[]> {
  const connection = { server, timeoutMs: PATIENCE_MS };
  const reached = await runCheck("server", "Check that the api runs and that this machine can reach it.", () => checkServer(server));
  if (reached.some(({ state }) => state === "problem")) return reached;
  const unexpected = "Try again; if it persists, read the api's log.";
  const parts = await Promise.all([
    runCheck("version", unexpected, () => checkVersion(connection)),
    runCheck("ready", unexpected, () => checkRegistryReadiness(connection)),
    runCheck("health", unexpected, () => checkRegistryHealth(connection)),
    runCheck("keys", unexpected, () => checkServedKeys(connection)),
    token === undefined ? [] : runCheck("token", unexpected, () => checkToken({ ...connection, token })),
  ]);
  return [...reached, ...parts.flat()];
}

function isHealth(text: string): boolean {
  return healthSchema.safeParse(parseJson(text)).success;
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
        `${server} responds, but not like a registry (${answer.status}).`,
        "Check the address: --server, OGR_SERVER or the profile.",
      ),
    ];
  return [
    buildOkFinding("server", `${server} answers in ${after - before} ms`),
    checkClock(answer.headers.get("date"), (before + after) / 2),
  ];
}

/** Compares this machine's clock with the registry's: statements and permits carry the registry's time. */
function checkClock(date: string | null, hereMs: number): DoctorFinding {
  const thereMs = Date.parse(date ?? "");
  if (Number.isNaN(thereMs))
    return buildWarningFinding("clock", "The registry sends no Date header.", "Check the proxies between here and the api.");
  // The header has whole seconds; compare with the middle of its second.
  const skewMs = Math.round(thereMs + 500 - hereMs);
  if (Math.abs(skewMs) <= SKEW_MAX_MS) return buildOkFinding("clock", "this machine and the registry agree");
  const side = skewMs > 0 ? "behind" : "ahead of";
  return buildProblemFinding(
    "clock",
    `This machine's clock is about ${Math.round(Math.abs(skewMs) / 1000)} s ${side} the registry's.`,
    "Correct the wrong clock (NTP).",
  );
}

async function checkVersion(connection: Connection): Promise<DoctorFinding> {
  const { info } = requireValue(await askRegistry(connection, { method: "GET", path: "/openapi.json" }, openApiSchema));
  const own = readOwnVersion();
  if (info.version === own) return buildOkFinding("version", `${own}, here and there`);
  return buildWarningFinding(
    "version",
    `The registry is release ${info.version}, and this ogr is ${own}.`,
    "Use the ogr of the registry's release.",
  );
}

async function checkRegistryReadiness(connection: Connection): Promise<readonly DoctorFinding[]> {
  const answer = await askRegistry(connection, { method: "GET", path: "/ready" }, READINESS);
  const said: Readonly<Record<string, unknown>> = answer.ok ? answer.value : answer.problem;
  return Object.keys(NEXT).map((dependency) => {
    const verdict = said[dependency];
    if (verdict === "ok") return buildOkFinding(dependency, "answers");
    const text = typeof verdict === "string" ? verdict : "The registry does not report its state.";
    return buildProblemFinding(dependency, text, NEXT[dependency] ?? "");
  });
}

async function checkRegistryHealth(connection: Connection): Promise<readonly DoctorFinding[]> {
  const { pollers, warnings } = requireValue(await askRegistry(connection, { method: "GET", path: "/health" }, healthSchema));
  const queues = (pollers ?? []).map(({ task_queue, pollers: count }) => {
    const check = `worker ${task_queue}`;
    if (count > 0) return buildOkFinding(check, `${count} ${count === 1 ? "poller" : "pollers"}`);
    return buildProblemFinding(check, "No worker polls this queue.", WORKERS[task_queue] ?? "Start its worker.");
  });
  // The queues and readiness report these already.
  const others = warnings.filter((warning) => !/^Nobody polls|does not answer\.$/.test(warning));
  return [
    ...queues,
    ...others.map((warning) => buildProblemFinding("health", warning, "Fix what it names; see docs/operations/watch.md.")),
  ];
}

async function checkServedKeys(connection: Connection): Promise<DoctorFinding> {
  const { keys } = requireValue(await askRegistry(connection, { method: "GET", path: "/v1/jwks.json" }, jwksSchema));
  if (keys.length === 0)
    return buildProblemFinding(
      "keys",
      "The registry serves no public keys, so its signatures cannot be verified.",
      "Check OGR_PERMIT_KEY_FILE and OGR_RECEIPT_JWKS_FILE of the api.",
    );
  return buildOkFinding("keys", `${keys.length} public keys: ${keys.map(({ kid }) => kid).join(", ")}`);
}

/** Checks the token, and what needs one. */
async function checkToken(connection: Connection): Promise<readonly DoctorFinding[]> {
  const answer = await fetchWhoami(connection);
  if (!answer.ok)
    return [buildProblemFinding("token", answer.problem.detail, "Log in again with `ogr auth login`, or set OGR_TOKEN to a valid token.")];
  const { actor_id, tenant_id } = answer.value;
  const more = await Promise.all([checkCharter(connection, tenant_id), checkInfraRegistry(connection, tenant_id)]);
  return [buildOkFinding("token", `${actor_id} of ${tenant_id}`), ...more.flat()];
}

async function checkCharter(connection: Connection, tenant_id: string): Promise<readonly DoctorFinding[]> {
  const answer = await askRegistry(connection, { method: "GET", path: "/v1/charter", query: { tenant_id } }, charterSchema);
  if (!answer.ok) return [buildProblemFinding("charter", answer.problem.detail, "See `ogr charter verify`.")];
  const { version, sealed, recovery } = answer.value;
  const state = sealed
    ? buildOkFinding("charter", `version ${version}, sealed`)
    : buildWarningFinding(
        "charter",
        `version ${version}, not sealed: the founding key can change everything without an approval`,
        "Keep that key offline, and seal the charter when its persons can change it: see `registry.charter.seal` in docs/policy.md.",
      );
  return recovery?.waiting ? [state, describeRecovery(recovery.waiting)] : [state];
}

function describeRecovery({ jobType, completable_at_ms }: { readonly jobType: string; readonly completable_at_ms: number }): DoctorFinding {
  return buildProblemFinding(
    "recovery",
    `Recovery keys announced ${toShownLine(jobType)}, which needs no approval from ${new Date(completable_at_ms).toISOString()} on.`,
    "If you do not know why, object before then: see `ogr charter recover object --help`.",
  );
}
