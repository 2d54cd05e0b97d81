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

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;

/**
 * A process's log: one JSON line an event, to standard error, because standard output is for the ready line. `name` is the process.
 * Members that every plane shares: `correlation_id` (the card, else the `jti`), `tenant_id`.
 */
export function createProcessLog(name: string, level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino({ level, base: { name, pid: process.pid }, redact: { paths: SECRETS, censor: "[secret]" } }, destination);
}
