import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { parseJson } from "../../domain/json.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { type Answer, problemSchema, RegistryFault } from "./problem.js";
import { type FileBody, uploadFile } from "./upload.js";

export interface Connection {
  /** The api's address, such as `http://127.0.0.1:7450`. */
  readonly server: string;
  /** A bearer token; without one, only public routes respond. */
  readonly token?: string;
  /** The longest wait for one answer; 60 s by default. */
  readonly timeoutMs?: number;
  /** How long to retry while the registry is full, no sooner than its `Retry-After`; 0 by default. */
  readonly patienceMs?: number;
  /** Aborts the request. */
  readonly signal?: AbortSignal;
  /** Gets a sentence about what a wait lacks, for the person who waits. */
  readonly notify?: (sentence: string) => void;
}

export interface RegistryRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** From the root, with encoded segments: `/v1/cards`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent unchanged. */
  readonly bytes?: Uint8Array | FileBody;
}

const TIMEOUT_MS = 60_000;

/** Sends a request and parses the answer. @throws RegistryFault if the registry is unreachable or answers in an unknown shape */
export async function askRegistry<T>(connection: Connection, request: RegistryRequest, schema: z.ZodType<T>): Promise<Answer<T>> {
  return (await askWithLink(connection, request, schema)).answer;
}

/** Does the same, and returns the answer's `Link` header too. */
export async function askWithLink<T>(
  connection: Connection,
  request: RegistryRequest,
  schema: z.ZodType<T>,
): Promise<{ readonly answer: Answer<T>; readonly link: string | undefined }> {
  const received = await sendPatiently(connection, request);
  return { answer: parseAnswer(connection, request, schema, received), link: received.link };
}

function parseAnswer<T>(connection: Connection, request: RegistryRequest, schema: z.ZodType<T>, { status, text }: RawResponse): Answer<T> {
  const body = parseJson(text);
  if (status < 200 || status > 299) {
    const problem = parseWith(problemSchema, body);
    if (!problem.ok)
      throw new RegistryFault(
        `${request.method} ${request.path} was answered with ${status} and no problem details; is ${connection.server} a registry?`,
      );
    return { ok: false, status, problem: { ...problem.value, status } };
  }
  const parsed = parseWith(schema, body);
  if (!parsed.ok)
    throw new RegistryFault(
      `${request.method} ${request.path} was answered in an unknown shape (${formatProblems(parsed.problems)}); use a client of the registry's release.`,
    );
  return { ok: true, status, value: parsed.value };
}

/** Creates the functions that send requests with a query or with a body of JSON. */
export const createJsonRequests = (connection: Connection) => ({
  get: <T>(path: string, schema: z.ZodType<T>, query: Record<string, string | number | undefined> = {}) =>
    askRegistry(connection, { method: "GET", path, query }, schema),
  post: <T>(path: string, body: unknown, schema: z.ZodType<T>) => askRegistry(connection, { method: "POST", path, body }, schema),
});

/** Retries while the registry refuses because it is full: it has not started such a request (RFC 6585 §4, RFC 9110 §10.2.3). */
async function sendPatiently(connection: Connection, request: RegistryRequest): Promise<RawResponse> {
  const deadline = performance.now() + (connection.patienceMs ?? 0);
  for (;;) {
    const received = await sendOnce(connection, request);
    const { status, retryAfterSeconds } = received;
    if ((status !== 429 && status !== 503) || retryAfterSeconds === undefined) return received;
    // Jitter, so that clients refused together do not retry together.
    const pauseMs = retryAfterSeconds * 1000 * (1 + Math.random() / 2);
    if (performance.now() + pauseMs > deadline) return received;
    await sleep(pauseMs, undefined, connection.signal === undefined ? {} : { signal: connection.signal });
  }
}

interface RawResponse {
  readonly status: number;
  readonly text: string;
  readonly link?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

async function sendOnce(connection: Connection, request: RegistryRequest): Promise<RawResponse> {
  const url = buildRequestUrl(connection.server, request);
  const { method, bytes } = request;
  const headers: Record<string, string> = { accept: "application/json" };
  if (connection.token !== undefined) headers.authorization = `Bearer ${connection.token}`;
  if (bytes !== undefined) headers["content-type"] = "application/octet-stream";
  else if (request.body !== undefined) headers["content-type"] = "application/json";
  const inTime = AbortSignal.timeout(connection.timeoutMs ?? TIMEOUT_MS);
  const signal = connection.signal === undefined ? inTime : AbortSignal.any([connection.signal, inTime]);
  try {
    if (bytes !== undefined && "path" in bytes) {
      const { retryAfter, ...answer } = await uploadFile(url, bytes, { method, headers, signal });
      return { ...answer, retryAfterSeconds: parseRetryAfter(retryAfter) };
    }
    const body = bytes ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    const response = await fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) } as RequestInit);
    const { headers: answered } = response;
    const retryAfterSeconds = parseRetryAfter(answered.get("retry-after"));
    return { status: response.status, text: await response.text(), link: answered.get("link") ?? undefined, retryAfterSeconds };
  } catch (cause) {
    throw buildUnreachableFault(connection, cause);
  }
}

/** Parses seconds only: the registry sends no dates. */
function parseRetryAfter(retryAfter: string | null | undefined): number | undefined {
  return retryAfter && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
}

function buildRequestUrl(server: string, { path, query = {} }: RegistryRequest): URL {
  if (!URL.canParse(server)) throw new RegistryFault(`${server} is not an address; use one such as http://127.0.0.1:7450.`);
  const url = new URL(path, server);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

function buildUnreachableFault(connection: Connection, cause: unknown): RegistryFault {
  const { name, message, code, cause: inner } = cause as Error & { code?: string; cause?: { code?: string; message?: string } };
  if (name === "TimeoutError") return new RegistryFault(`${connection.server} did not answer in time; try again.`, { cause });
  return new RegistryFault(
    `${connection.server} cannot be reached (${inner?.code ?? inner?.message ?? code ?? message}). ${adviseUnreachable(connection.server)}`,
    { cause },
  );
}

/** Only a registry on this machine can be started from here. */
function adviseUnreachable(server: string): string {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(new URL(server).hostname)
    ? "Start it, a development registry with `ogr dev`, or name another one with --server."
    : "Check the address (--server, OGR_SERVER or the profile) and the network, or ask the registry's operator.";
}
