export type IncomingKind = "bundle" | "diff" | "mail_series";

/** Detects the kind of pushed bytes from `start`, their first few KiB. Returns undefined if it is unknown. */
export function detectIncomingKind(start: Buffer): IncomingKind | undefined {
  if (/^# v\d+ git bundle\n/.test(start.toString("latin1", 0, 40))) return "bundle";
  const text = start.toString("latin1");
  if (/^From \S+ .*\d{4}\r?\n/.test(text)) return "mail_series";
  if (/^diff --git /m.test(text) || (/^--- \S/m.test(text) && /^\+\+\+ \S/m.test(text))) return "diff";
  return undefined;
}
