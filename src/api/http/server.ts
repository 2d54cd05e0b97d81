import { randomUUID } from "node:crypto";
import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from "fastify";
import type { Principal } from "../../lab256/identity/authentication.js";
import { countRefusal, countRequest } from "../../process/metrics/api.js";
import { runInRequestSpan } from "../../process/tracing/request-span.js";
import { Admission } from "../admission/admission.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildRouteTable } from "../route-table.js";
import { authenticateCaller, checkTenant, isGuarded } from "./authorization.js";
import { limitConnections } from "./connections.js";
import { documentApi } from "./documentation.js";
import { buildRouteSchema } from "./documented-route.js";
import { answerFault } from "./faults.js";
import { BODY_MAX_VALUES, parseJsonBody } from "./json-body.js";
import { buildProblem, refuseUnavailable } from "./problem.js";
import type { Access, Answer, PublicCall, Route } from "./route.js";
import { refuseUnreadable } from "./unreadable-request.js";
import { compileValidator } from "./validation.js";
import { Waits } from "./waits.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The callers that the matched route admits. */
    access?: Access;
    /** The largest number of values in the body. */
    bodyMaxValues?: number;
  }
  interface FastifyRequest {
    principal: Principal | null;
    /** The subject of the request for the log, a card or a `jti`; else the request's own id. */
    subject: string | null;
  }
}

/** The largest JSON body of a route that does not say otherwise, in bytes. */
const BODY_MAX_BYTES = 64 * 1024;
const KEEP_ALIVE_MS = 60_000;
/** The longest time in which a JSON body arrives, in milliseconds. */
const BODY_MAX_MS = 30_000;
/** The longest upload, in milliseconds. */
const UPLOAD_MAX_MS = 900_000;
/** Pages and documents that plugins serve; all are public. */
const DOCUMENT_PATHS = /^\/(?:docs(?:\/.*)?|openapi\.json)$/;

/** Builds the api over its dependencies without listening. Every route's row says who may call it. */
export async function createServer(deps: ApiDependencies): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = deps.log;
  const app: FastifyInstance = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX_BYTES,
    exposeHeadRoutes: false,
    requestTimeout: UPLOAD_MAX_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Requests during the stop get a problem document with `Retry-After`, like other refusals.
    return503OnClosing: false,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 300 },
    frameworkErrors: (_error, _request, reply) =>
      sendAnswer(reply, buildProblem("invalid_request", "The address of the request is malformed.")),
    clientErrorHandler: refuseUnreadable,
  });
  const closeSilentConnections = limitConnections(app.server);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, async (request: FastifyRequest, bytes: Buffer) =>
    parseJsonBody(bytes, request.routeOptions.config.bodyMaxValues ?? BODY_MAX_VALUES),
  );
  app.setValidatorCompiler(compileValidator);
  // An older release may have written the ledger, so schemas document answers without validating them.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.decorateRequest("principal", null);
  app.decorateRequest("subject", null);
  answerProblems(app);
  logAnswers(app, deps);
  let isEnding = false;
  app.addHook("onRequest", async (_request, reply) => (isEnding ? sendAnswer(reply, refuseUnavailable("This api is ending.")) : undefined));
  app.addHook("onRoute", (options) => {
    if (DOCUMENT_PATHS.test(options.url)) options.config = { ...options.config, access: "public" };
    if (options.config?.access === undefined)
      throw new Error(`${String(options.method)} ${options.url} does not say who may call it; add it to the route table.`);
  });
  const routes = buildRouteTable(deps);
  await documentApi(app, routes);
  const waits = new Waits();
  const admission = new Admission(deps.limits, deps.watch);
  app.addHook("preClose", async () => {
    isEnding = true;
    waits.stop();
    closeSilentConnections();
  });
  app.addHook("onClose", async () => admission.close());
  await app.register(async (scope) => {
    for (const route of routes) if (!route.takesBytes) addRoute(scope, route, deps, waits, admission);
  });
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/octet-stream", (_request, _payload, done) => done(null));
    for (const route of routes) if (route.takesBytes) addRoute(scope, route, deps, waits, admission);
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  return app;
}

function addRoute(app: FastifyInstance, route: Route, deps: ApiDependencies, waits: Waits, admission: Admission): void {
  app.route({
    method: route.method,
    url: route.url,
    schema: buildRouteSchema(route),
    config: { access: route.access, ...(route.bodyMaxValues === undefined ? {} : { bodyMaxValues: route.bodyMaxValues }) },
    bodyLimit: route.bodyMaxBytes ?? BODY_MAX_BYTES,
    // Before the body is read, so that a stranger's megabytes are not parsed.
    onRequest: async (request, reply) => {
      if (!isGuarded(route)) return;
      const admitted = await authenticateCaller(route, request.headers.authorization, deps.principals);
      if ("kind" in admitted && admitted.kind === "problem") return sendAnswer(reply, admitted);
      request.principal = admitted as Principal;
      const refusal = admission.enter(route, request.principal, request.query, reply);
      if (refusal !== undefined) return sendAnswer(reply, refusal);
    },
    preParsing: async (_request, _reply, payload) => {
      if (route.method !== "POST") return;
      const late = setTimeout(() => payload.destroy(new Error("The body took too long.")), BODY_MAX_MS);
      payload.once("close", () => clearTimeout(late)).once("end", () => clearTimeout(late));
    },
    preHandler: async (request, reply) => {
      if (!isGuarded(route)) return;
      const refusal = checkTenant(route.tenant, requirePrincipal(request), request.query, request.body);
      if (refusal !== undefined) return sendAnswer(reply, refusal);
    },
    handler: async (request, reply) => {
      const runRequest = () => answerRequest(route, request, reply, waits, admission);
      return sendAnswer(reply, await runInRequestSpan(route.method, route.url, runRequest, () => request.subject));
    },
  });
}

function answerRequest(route: Route, request: FastifyRequest, reply: FastifyReply, waits: Waits, admission: Admission): Promise<Answer> {
  const call: PublicCall = {
    url: route.url,
    params: request.params,
    query: request.query,
    body: request.body,
    bytes: request.raw,
    signal: waits.createSignal(reply),
    correlate: (id) => {
      request.subject = id;
    },
  };
  if (!isGuarded(route)) return route.handle(call);
  const principal = requirePrincipal(request);
  return admission.answerAdmitted(route, principal, request, reply, () => route.handle({ ...call, principal }));
}

function requirePrincipal(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Error("A guarded route ran without a principal; this is a defect of the api.");
  return request.principal;
}

function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer.kind === "problem") countRefusal(answer.body.code);
  reply.code(answer.status);
  if (answer.kind === "text") return reply.type("application/json; charset=utf-8").send(answer.text);
  if (answer.headers !== undefined) reply.headers(answer.headers);
  reply.type(answer.kind === "problem" ? "application/problem+json; charset=utf-8" : "application/json; charset=utf-8");
  return reply.send(JSON.stringify(answer.body));
}

function answerProblems(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    sendAnswer(reply, buildProblem("not_found", `There is no ${request.method} ${request.url.split("?")[0]}; see /docs.`)),
  );
  app.setErrorHandler((error, request, reply) => {
    const { answer, isDefect } = answerFault(error, request.id);
    if (isDefect) request.log.error({ err: error, correlation_id: request.subject ?? request.id }, "a request failed");
    else if (answer.status >= 500)
      request.log.warn({ reason: (error as Error).message, correlation_id: request.subject ?? request.id }, "something does not serve");
    return sendAnswer(reply, answer);
  });
}

/** Logs and counts each answer: the caller, the route, the status, and the id of the act. */
function logAnswers(app: FastifyInstance, deps: ApiDependencies): void {
  app.addHook("onSend", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  app.addHook("onResponse", async (request, reply) => {
    countRequest(request.method, request.routeOptions.url, reply.statusCode, reply.elapsedTime);
    deps.log.info({
      correlation_id: request.subject ?? request.id,
      request_id: request.id,
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: reply.statusCode,
      took_ms: Math.round(reply.elapsedTime),
      tenant_id: request.principal?.tenant_id ?? null,
      actor_id: request.principal?.actor_id ?? null,
    });
  });
}
