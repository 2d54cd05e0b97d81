import { signV4 } from "minio/dist/esm/signing.mjs";
import type { S3Config } from "./config.js";
import { STREAMED_SHA256, signChunks, signedChunksBytes } from "./signed-chunks.js";

/** One request before it is signed. `query` and `headers` are what the operation adds to the obligatory ones. */
export interface Operation {
  readonly method: "GET" | "HEAD" | "PUT";
  readonly bucket: string;
  /** The object's name in its bucket; absent for operations on the bucket. */
  readonly name?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the body is signed by, so that one damaged on the way is never stored: its SHA-256 in lower-case hex, or chunk by chunk. */
  readonly body: { readonly sha256: string } | { readonly streamed_bytes: number };
}

export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  /** What a streamed body looks like on the wire; absent for a body in memory. */
  readonly encode?: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

/**
 * Signs with AWS Signature Version 4. Every header is signed, the condition above all: a write whose `If-None-Match`
 * was lost on the way is refused by the server instead of overwriting.
 *
 * Only the signature comes from the client library. Its requests have no time limit, leak the socket of an answer with
 * status 503, hide the status, hold a file in memory to send it in one PUT, and its listing turns the key `0123` into
 * `123`.
 */
export function sign(config: S3Config, endpoint: URL, operation: Operation): SignedRequest {
  const now = new Date();
  const path = `/${operation.bucket}${operation.name === undefined ? "" : `/${encodeName(operation.name)}`}`;
  const query = Object.entries(operation.query ?? {})
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&");
  const date = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const { body } = operation;
  const sha256 = "sha256" in body ? body.sha256 : STREAMED_SHA256;
  const headers: Record<string, string> = {
    host: endpoint.host,
    "x-amz-date": date,
    "x-amz-content-sha256": sha256,
    ...("sha256" in body ? {} : streamedHeaders(body.streamed_bytes)),
    ...(config.session_token === undefined ? {} : { "x-amz-security-token": config.session_token }),
    ...operation.headers,
  };
  const request = { method: operation.method, path: query === "" ? path : `${path}?${query}`, headers };
  const unsigned = { ...request, protocol: endpoint.protocol };
  const { access_key, secret_key, region } = config;
  const authorization = signV4(unsigned, access_key, secret_key, region, now, sha256);
  const signed = { ...request, headers: { ...headers, authorization } };
  if ("sha256" in body) return signed;
  const seed = { secret_key, region, date, signature: authorization.slice(authorization.lastIndexOf("=") + 1) };
  return { ...signed, encode: (bytes) => signChunks(seed, body.streamed_bytes, bytes) };
}

function streamedHeaders(size_bytes: number): Record<string, string> {
  return {
    "content-encoding": "aws-chunked",
    "content-length": String(signedChunksBytes(size_bytes)),
    "x-amz-decoded-content-length": String(size_bytes),
  };
}

function encodeName(name: string): string {
  return name.split("/").map(encode).join("/");
}

/** Percent-encoding as the signature defines it: everything but RFC 3986 unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
