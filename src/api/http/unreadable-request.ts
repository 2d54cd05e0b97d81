import type { Duplex } from "node:stream";
import { buildProblem } from "./problem.js";

/** What Node says of a request that it could not read, and what the client is told of it. */
const ANSWERS: Readonly<Record<string, readonly [status: number, reason: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "Address and headers are larger than 16 KiB."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "The request did not arrive in time."],
};

/** How long the answer has to reach the client before the connection is destroyed, in milliseconds. */
const LINGER_MS = 1000;

/** Answers a request that is none, on its bare connection, and closes that. Source: RFC 9110 §15.5, RFC 6585 §5. */
export function refuseUnreadable({ code = "" }: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) return;
  const [status, reason, detail] = ANSWERS[code] ?? [400, "Bad Request", "The request is no HTTP that this server reads."];
  const body = JSON.stringify(buildProblem("invalid_request", detail, { status }).body);
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // Node reads nothing more from it and would never see the client close its side; at once, the answer could be lost on the way.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
