import pino, { type DestinationStream, type Logger } from "pino";

/** The members that can hold a secret. Their values are replaced. */
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
 * Creates a process's log: one line of JSON for each event, on standard error, because standard output has the ready line. Every plane uses
 * the members `correlation_id` (the card, else the `jti`) and `tenant_id`.
 */
export function createProcessLog(name: string, level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino({ level, base: { name, pid: process.pid }, redact: { paths: SECRETS, censor: "[secret]" } }, destination);
}
