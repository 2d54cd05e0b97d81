import pino, { type DestinationStream, type Logger } from "pino";

/** Where a secret could stand in what is logged; it is replaced, not shortened. */
const SECRETS = [
  "authorization",
  "*.authorization",
  "headers.authorization",
  "req.headers.authorization",
  "*.headers.authorization",
  "token",
  "*.token",
  "assertion",
  "*.assertion",
];

/** The api's log: one JSON line an event, to standard error, because standard output is for the ready line. */
export function createLog(level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino({ level, base: { name: "api", pid: process.pid }, redact: { paths: SECRETS, censor: "[secret]" } }, destination);
}
