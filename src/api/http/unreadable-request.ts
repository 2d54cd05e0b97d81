import type { Duplex } from "node:stream";
import { buildProblem } from "./problem.js";

/** Node's error codes for unreadable requests, and their answers. */
const ANSWERS: Readonly<Record<string, readonly [status: number, reason: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "Address and headers are larger than 16 KiB."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "The request did not arrive in time."],
};

/** The time between the answer and the end of the connection, in milliseconds. */
const LINGER_MS = 1000;

/** Answers unreadable bytes on their connection and closes it. Source: RFC 9110 §15.5, RFC 6585 §5. */
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
  // Node reads no more and would not notice the client's close. An immediate close could lose the answer.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
