// The infra context of a project, for engines that run its workflows: one file, no dependencies. README.md beside it says how to use it.

/** Contexts kept by project and revision; a revision never changes, so that what it said stays true. */
const REMEMBERED_MAX = 1000;
const TIMEOUT_MS = 5000;

const STATES = ["enabled", "disabled", "missing", "unavailable", "none"];

/** No context is known, whatever the reason; `code` is the registry's own, or `unreachable`, `malformed` or `not_enabled`. */
export class InfraContextError extends Error {
  constructor(code, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "InfraContextError";
    this.code = code;
  }
}

/** A reader of one tenant's infra contexts. */
export function infraContexts({ server, token, tenant_id, timeout_ms = TIMEOUT_MS, fetch = globalThis.fetch }) {
  const known = new Map();

  async function ask(project_id, revision) {
    const query = new URLSearchParams({ tenant_id, project_id, ...(revision === undefined ? {} : { revision }) });
    const { status, body } = await answered(new URL(`${String(server).replace(/\/+$/, "")}/v1/query/infra/context?${query}`));
    if (status !== 200) throw new InfraContextError(body?.code ?? "malformed", body?.detail ?? `${server} answered with ${status}.`);
    const context = parsed(body, { org: tenant_id, repo: project_id, revision });
    if (context.revision !== null) remember(`${project_id}@${context.revision}`, context);
    return context;
  }

  async function answered(url) {
    try {
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${token}`, accept: "application/json" },
        redirect: "error",
        signal: AbortSignal.timeout(timeout_ms),
      });
      return { status: response.status, body: await response.json() };
    } catch (error) {
      throw new InfraContextError("unreachable", `${server} did not answer: ${error instanceof Error ? error.message : error}`, error);
    }
  }

  function remember(key, context) {
    known.set(key, context);
    const [oldest] = known.keys();
    if (known.size > REMEMBERED_MAX) known.delete(oldest);
  }

  /** Asked anew each time: a remembered answer could allow what was disabled meanwhile. */
  const current = (project_id) => ask(project_id, undefined);

  return {
    current,
    at: async (project_id, revision) => known.get(`${project_id}@${revision}`) ?? ask(project_id, revision),
    async enabled(project_id) {
      const context = await current(project_id);
      if (context.state === "enabled") return context;
      throw new InfraContextError(
        "not_enabled",
        `The infra registry has ${tenant_id}/${project_id} as ${context.state}; nothing runs for it.`,
      );
    },
  };
}

/** The answer, if it is one and about what was asked for. */
function parsed(body, { org, repo, revision }) {
  const isContext =
    typeof body === "object" &&
    body !== null &&
    STATES.includes(body.state) &&
    body.org === org &&
    body.repo === repo &&
    (body.revision === null || typeof body.revision === "string") &&
    (revision === undefined || body.revision === revision) &&
    (body.context === null || body.context === "sandbox" || body.context === "production") &&
    (body.telemetry_repo === null || (typeof body.telemetry_repo === "string" && body.telemetry_repo.startsWith(`${org}/`))) &&
    (body.state !== "enabled" || (body.context !== null && body.telemetry_repo !== null));
  if (!isContext) throw new InfraContextError("malformed", `The answer is no infra context of ${org}/${repo}.`);
  const { source, state, context, telemetry_repo, is_registry } = body;
  return Object.freeze({ source, revision: body.revision, org, repo, state, context, telemetry_repo, is_registry: is_registry === true });
}
