import type { Readable } from "node:stream";
import type { z } from "zod";
import { parseWith, problemsText } from "../domain/problems.js";
import { type Answer, problemSchema, RegistryFault } from "./problem.js";

export interface Connection {
  /** The api's address, such as `http://127.0.0.1:7450`. */
  readonly server: string;
  /** A bearer token; absent, only what is open to everybody can be asked. */
  readonly token?: string;
  /** The longest time to wait for one answer, in milliseconds; 60 s when absent. */
  readonly timeout_ms?: number;
}

export interface Request {
  readonly method: "GET" | "POST" | "PUT";
  /** From the root, with encoded segments: `/v1/cards`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as they are. */
  readonly bytes?: Uint8Array | { readonly stream: Readable; readonly size_bytes: number };
}

const TIMEOUT_MS = 60_000;

/** Asks the registry and parses its answer. @throws RegistryFault when it cannot be reached or answers something else. */
export async function ask<T>(connection: Connection, request: Request, schema: z.ZodType<T>): Promise<Answer<T>> {
  const response = await send(connection, request);
  const text = await readText(connection, response);
  const body = parsedBody(text);
  if (!response.ok) {
    const problem = parseWith(problemSchema, body);
    if (!problem.ok || body === undefined) throw foreign(connection, request, response.status);
    return { ok: false, status: response.status, problem: { ...problem.value, status: response.status } };
  }
  const parsed = parseWith(schema, body);
  if (!parsed.ok)
    throw new RegistryFault(
      `${request.method} ${request.path} was answered in a shape that this client does not know (${problemsText(parsed.problems)}); use a client of the registry's own release.`,
    );
  return { ok: true, status: response.status, value: parsed.value };
}

async function send(connection: Connection, request: Request): Promise<Response> {
  const url = addressOf(connection.server, request);
  const { bytes } = request;
  const headers: Record<string, string> = { accept: "application/json" };
  if (connection.token !== undefined) headers.authorization = `Bearer ${connection.token}`;
  let body: unknown;
  if (bytes instanceof Uint8Array) body = bytes;
  else if (bytes !== undefined) {
    body = bytes.stream;
    headers["content-length"] = String(bytes.size_bytes);
  } else if (request.body !== undefined) body = JSON.stringify(request.body);
  if (body !== undefined) headers["content-type"] = bytes === undefined ? "application/json" : "application/octet-stream";
  const signal = AbortSignal.timeout(connection.timeout_ms ?? TIMEOUT_MS);
  const init = { method: request.method, headers, signal, ...(body === undefined ? {} : { body, duplex: "half" }) };
  try {
    return await fetch(url, init as RequestInit);
  } catch (cause) {
    throw unreachable(connection, cause);
  }
}

function addressOf(server: string, { path, query = {} }: Request): URL {
  if (!URL.canParse(server)) throw new RegistryFault(`${server} is not an address; write one such as http://127.0.0.1:7450.`);
  const url = new URL(path, server);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

async function readText(connection: Connection, response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    throw unreachable(connection, cause);
  }
}

function unreachable(connection: Connection, cause: unknown): RegistryFault {
  const { name, message, cause: inner } = cause as Error & { cause?: { code?: string; message?: string } };
  if (name === "TimeoutError") return new RegistryFault(`${connection.server} did not answer in time; try again.`, { cause });
  return new RegistryFault(
    `${connection.server} cannot be reached (${inner?.code ?? inner?.message ?? message}); start it with \`ogr dev\`, or name another one with --server.`,
    { cause },
  );
}

function foreign(connection: Connection, request: Request, status: number): RegistryFault {
  return new RegistryFault(
    `${request.method} ${request.path} was answered with ${status} and no problem details; is ${connection.server} a registry?`,
  );
}

/** What is no JSON fails its schema, which says so. */
function parsedBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
