export type IncomingKind = "bundle" | "diff" | "mail_series";

/** What pushed bytes are, by their beginning, or undefined. `start` is their first few KiB. */
export function detectIncomingKind(start: Buffer): IncomingKind | undefined {
  if (/^# v\d+ git bundle\n/.test(start.toString("latin1", 0, 40))) return "bundle";
  const text = start.toString("latin1");
  if (/^From \S+ .*\d{4}\r?\n/.test(text)) return "mail_series";
  if (/^diff --git /m.test(text) || (/^--- \S/m.test(text) && /^\+\+\+ \S/m.test(text))) return "diff";
  return undefined;
}
