import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { expect, inject } from "vitest";
import { Flows } from "../../src/api/acts/flows.js";
import { PlanLooks } from "../../src/api/acts/plan-looks.js";
import type { AdmissionLimits } from "../../src/api/admission/admission.js";
import type { ApiDependencies } from "../../src/api/dependencies.js";
import { PrincipalCache } from "../../src/api/http/principal-cache.js";
import type { Route } from "../../src/api/http/route.js";
import { createServer } from "../../src/api/http/server.js";
import { Urls } from "../../src/api/http/urls.js";
import { buildRouteTable } from "../../src/api/route-table.js";
import { Temporal } from "../../src/api/temporal.js";
import { readOperator, readSigningKey } from "../../src/configuration/keys.js";
import { Charters } from "../../src/decision/charter/charters.js";
import { PolicyCatalog } from "../../src/decision/policy/policy-catalog.js";
import type { SigningKey } from "../../src/domain/bytes/signature.js";
import { noInfra } from "../../src/infra/source/open.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { authenticateBearer } from "../../src/lab256/identity/authentication.js";
import { LedgerWatch } from "../../src/lab256/ledger/notifications.js";
import { createProcessLog } from "../../src/process/log.js";
import { demoTenants } from "../../src/stack/founding/demo-tenants.js";
import { type Founded, foundRegistry } from "../../src/stack/founding/founding.js";
import { searchAttributeNames } from "../../src/stack/servers/temporal-namespace.js";
import { openStore } from "../../src/storage/open.js";
import { limitToCreates } from "../../src/storage/scoped.js";
import { createBucketPrefix } from "../harness/buckets.js";
import { createDatabase } from "../harness/database.js";
import { createToken } from "../harness/identity.js";
import { createNamespace } from "../harness/namespace.js";
import { throwFault } from "../harness/throw-fault.js";

export const TENANT = "T.UBL";
export const ADMIN = "ubl:sid:person:admin";
export const BOB = "ubl:sid:person:bob";
export const CI = "ubl:sid:app:ci";
export const OLGA = "ubl:sid:person:olga";
export const STAGED_MAX_BYTES = 2 * 1024 * 1024;

/** An api over real servers, without workers: flows begin and wait. */
export interface RunningApi {
  readonly app: FastifyInstance;
  readonly deps: ApiDependencies;
  readonly url: string;
  readonly founded: Founded;
  readonly permitKey: SigningKey;
  /** What the api logged. */
  readonly logged: string[];
  getToken(actorId: string): string;
  createRunnerToken(target?: "LAB_512" | "LAB_256"): Promise<string>;
  call(request: ApiRequest): Promise<ApiAnswer>;
  stop(): Promise<void>;
}

interface ApiRequest {
  readonly method?: string;
  readonly path: string;
  /** Whose token goes along; null sends none. */
  readonly as?: string | null;
  readonly token?: string;
  readonly body?: unknown;
  /** Sent as it is, with `content-type`. */
  readonly raw?: { readonly bytes: string | Uint8Array<ArrayBuffer>; readonly type: string };
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export async function startApi(
  name: string,
  changes: { temporalAddress?: string; limits?: Partial<AdmissionLimits> } = {},
): Promise<RunningApi> {
  const servers = inject("servers");
  const dataDir = await mkdtemp(join(tmpdir(), "ogr-api-"));
  const [database, namespace] = await Promise.all([createDatabase(name), createNamespace(name, searchAttributeNames)]);
  const objectStore =
    servers.s3 === undefined ? ({ kind: "directory", path: join(dataDir, "objects") } as const) : ({ kind: "s3", ...servers.s3 } as const);
  const founded = await foundRegistry({
    dataDir,
    databaseUrl: database.url,
    objectStore,
    bucketPrefix: createBucketPrefix(name),
    tenants: demoTenants,
  });
  const store = limitToCreates(await openStore(founded.rootStore), ["staging", "ends"]);
  const db = openDatabase(database.url, { maxConnections: 5 });
  const watch = await LedgerWatch.open(database.url, { onLost: () => undefined });
  const temporal = new Temporal({ address: changes.temporalAddress ?? servers.temporal_address }, namespace);
  const [permitKey, statementKey] = [readSigningKey(founded.keys.permit), readSigningKey(founded.keys.statement)];
  const charters = new Charters(store, readOperator(founded.keys.operatorLab256));
  const policies = new PolicyCatalog(charters, Date.now);
  const urls = new Urls({ temporalUiUrl: servers.temporal_ui_url, namespace });
  const logged: string[] = [];
  const log = createProcessLog(
    "api",
    "info",
    new Writable({ write: (chunk, _encoding, done) => done(void logged.push(String(chunk)) as undefined) }),
  );
  const flows = new Flows(temporal, urls);
  const deps: ApiDependencies = {
    ...{ db, watch, store, temporal, statementKey, urls, log, flows },
    looks: new PlanLooks({
      ...{ db, policies, infra: noInfra, now: Date.now, reportFault: (error: unknown) => throwFault(error, "cannot check a plan") },
      sendLook: (tenantId, cardId) => flows.signalLook(tenantId, cardId),
    }),
    permits: { db, store, policies, infra: noInfra, permitKey, now: Date.now },
    charters,
    policies,
    infra: noInfra,
    principals: new PrincipalCache((bearer, nowMs) => authenticateBearer(db, bearer, nowMs), Date.now),
    jwks: { keys: [permitKey.jwk, statementKey.jwk] },
    servedJwks: { keys: [permitKey.jwk, statementKey.jwk] },
    resolveRelyingParty: () => ({ id: "localhost", origins: ["http://localhost"] }),
    stagedMaxBytes: STAGED_MAX_BYTES,
    limits: { requestsMax: 128, waitsMax: 2000, uploadsMax: 16, actsMax: 64, actsRunningMax: 6, ...changes.limits },
    now: Date.now,
  };
  const app = await createServer(deps);
  const routes = buildRouteTable(deps);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  urls.setListenUrl(url);
  const getToken = (actorId: string): string => {
    const actor = founded.actors.find((one) => one.actor_id === actorId);
    if (actor === undefined) throw new Error(`${actorId} is not among the founded actors`);
    return actor.token;
  };
  return {
    ...{ app, deps, url, founded, permitKey, logged, getToken },
    async createRunnerToken(target = "LAB_512") {
      const made = await createToken(db, { tenant_id: TENANT, actor_id: CI, name: "runner", expires_at_ms: null, runner_target: target });
      return made.token;
    },
    async call(request) {
      const answer = await callApi(url, request, getToken);
      expectDocumented(routes, request, answer);
      return answer;
    },
    async stop() {
      await app.close();
      await Promise.all([watch.close(), temporal.close(), store.close(), db.destroy()]);
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function callApi(
  url: string,
  { method = "GET", path, as = ADMIN, token, body, raw, headers = {} }: ApiRequest,
  getToken: (actorId: string) => string,
): Promise<ApiAnswer> {
  const bearer = token ?? (as === null ? undefined : getToken(as));
  const type = raw?.type ?? (body === undefined ? undefined : "application/json");
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(type === undefined ? {} : { "content-type": type }),
      ...headers,
    },
    ...(raw === undefined && body === undefined ? {} : { body: raw?.bytes ?? JSON.stringify(body) }),
  });
  const text = await response.text();
  const contentType = response.headers.get("content-type") ?? "";
  return {
    status: response.status,
    type: contentType,
    headers: response.headers,
    text,
    body: contentType.includes("json") ? JSON.parse(text) : {},
  };
}

/** Whatever a test asks, a success must look exactly as the route's documentation says. */
function expectDocumented(routes: readonly Route[], { method = "GET", path }: ApiRequest, { status, body }: ApiAnswer): void {
  if (status >= 300) return;
  const { pathname } = new URL(path, "http://api");
  const route = routes.find(
    (one) => one.method === method && new RegExp(`^${one.url.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`).test(pathname),
  );
  if (route === undefined) return;
  expect(route.answers[status]?.schema.parse(body), `${method} ${route.url} answers as documented`).toEqual(body);
}

/** The fields that a problem document names. */
export function listProblemFields({ body }: ApiAnswer): string[] {
  return ((body["errors"] ?? []) as { field: string }[]).map(({ field }) => field);
}
