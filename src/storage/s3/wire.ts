import type { FileHandle } from "node:fs/promises";
import * as http from "node:http";
import * as https from "node:https";
import { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import { readChunks } from "../local-file.js";
import { StorageFault } from "../ports.js";
import type { SignedRequest } from "./signing.js";

/** The most connections at a time; further requests wait for a free one, within their own time limit. */
const maxSockets = 48;

/** An idle connection is given up before any server would close it: a write on a closing one has an unknown outcome. */
const idleSocket_ms = 4_000;

/** The slowest transfer that is not taken for a hang. */
const minBytesPerMs = 256;

/** How long to wait for leave to send a body before sending it unasked, as RFC 9110 §10.1.1 has it. */
const continueWait_ms = 1_000;

export type Body =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly file: FileHandle; readonly size_bytes: number };

export const noBody: Body = { kind: "bytes", bytes: new Uint8Array(0) };

/** A request without a usable answer. `sent` is false only when certainly no byte of it left this machine. */
export class WireFault extends Error {
  override readonly name = "WireFault";

  constructor(
    readonly sent: boolean,
    cause: Error,
  ) {
    super(cause.message, { cause });
  }
}

export interface Wire {
  /** Sends one request once, and answers what `receive` makes of the answer; `receive` must read it to its end. */
  exchange<T>(request: SignedRequest, body: Body, receive: (answer: http.IncomingMessage) => Promise<T>): Promise<T>;
  close(): void;
}

export function openWire(endpoint: URL, requestTimeout_ms: number, ca?: string): Wire {
  const transport = endpoint.protocol === "https:" ? https : http;
  const trust = ca === undefined ? {} : { ca };
  const agent = new transport.Agent({ keepAlive: true, maxSockets, timeout: idleSocket_ms, ...trust });
  const { hostname, port } = endpoint;
  return {
    close: () => agent.destroy(),
    exchange: (request, body, receive) =>
      new Promise((resolve, reject) => {
        const size_bytes = body.kind === "bytes" ? body.bytes.byteLength : body.size_bytes;
        const headers: Record<string, string> = { ...request.headers };
        if (request.method === "PUT") {
          headers["content-length"] ??= String(size_bytes);
        }
        if (body.kind === "file") {
          headers.expect = "100-continue";
        }
        const outgoing = transport.request({
          agent,
          // The brackets of an IPv6 address belong to the URL, not to the address.
          hostname: hostname.replace(/^\[|\]$/g, ""),
          port,
          method: request.method,
          path: request.path,
          headers,
          // Silences the agent's idle limit while a request is under way; the limit below is the request's own.
          timeout: 0,
        });
        const limit = startLimit(outgoing, requestTimeout_ms + size_bytes / minBytesPerMs);
        const sent = watchConnection(outgoing);
        let answered = false;
        const fail = (cause: Error): void => {
          limit.stop();
          outgoing.destroy();
          reject(cause instanceof StorageFault ? cause : new WireFault(sent(), cause));
        };
        outgoing.on("error", (cause) => {
          // Once an answer is there, what happens to the rest of the request no longer matters.
          if (!answered) {
            fail(cause);
          }
        });
        outgoing.on("response", (answer) => {
          answered = true;
          limit.extend(Number(answer.headers["content-length"] ?? 0) / minBytesPerMs);
          receive(answer).then((result) => {
            limit.stop();
            // A request that was answered before its body was sent leaves a connection that nobody can use again.
            if (!outgoing.writableFinished) {
              outgoing.destroy();
            }
            resolve(result);
          }, fail);
        });
        send(outgoing, body, request.encode, () => answered);
      }),
  };
}

function send(outgoing: http.ClientRequest, body: Body, encode: SignedRequest["encode"], answered: () => boolean): void {
  if (body.kind === "bytes") {
    outgoing.end(body.bytes);
    return;
  }
  let started = false;
  const start = (): void => {
    clearTimeout(unasked);
    if (started || answered() || outgoing.destroyed) {
      return;
    }
    started = true;
    const chunks = readChunks(body.file);
    const source = Readable.from(encode?.(chunks) ?? chunks, { objectMode: false });
    source.on("error", (cause) => outgoing.destroy(cause));
    source.pipe(outgoing);
    outgoing.once("close", () => source.destroy());
  };
  const unasked = setTimeout(start, continueWait_ms);
  outgoing.once("continue", start);
  outgoing.once("close", () => clearTimeout(unasked));
  outgoing.flushHeaders();
}

/** Says whether anything may have been sent: true from the moment the connection (with TLS, its handshake) stands. */
function watchConnection(outgoing: http.ClientRequest): () => boolean {
  let connected = false;
  outgoing.once("socket", (socket) => {
    if (outgoing.reusedSocket) {
      connected = true;
      return;
    }
    socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", () => {
      connected = true;
    });
  });
  return () => connected;
}

function startLimit(outgoing: http.ClientRequest, initial_ms: number): { extend(more_ms: number): void; stop(): void } {
  let allowed_ms = Math.ceil(initial_ms);
  const expire = (): void => {
    outgoing.destroy(new Error(`there was no complete answer within ${allowed_ms} ms`));
  };
  let timer = setTimeout(expire, allowed_ms);
  return {
    extend: (more_ms) => {
      if (more_ms >= 1) {
        clearTimeout(timer);
        allowed_ms += Math.ceil(more_ms);
        timer = setTimeout(expire, allowed_ms);
      }
    },
    stop: () => clearTimeout(timer),
  };
}
