import { Counter, Registry } from "prom-client";
import type { EventType, NewEvent } from "../../domain/ledger/event.js";

/** The events that a process of LAB 256 appends to the ledger, counted when the append commits. */
export const ledgerMetrics = new Registry();

const registers = [ledgerMetrics];

const events = new Counter({
  name: "ogr_ledger_events_total",
  help: "Events appended to the ledger by this process, by type",
  labelNames: ["type"] as const,
  registers,
});

/** The clocks of a flow: the time to decide, and the time to use a permit. */
const EXPIRY_CLOCKS = ["decide_by", "run_by"] as const;

const expiries = new Counter({
  name: "ogr_expiries_total",
  help: "Cards that were not decided in time (decide_by) and permits that were not used in time (run_by)",
  labelNames: ["clock"] as const,
  registers,
});
for (const clock of EXPIRY_CLOCKS) expiries.inc({ clock }, 0);

interface AppendedEvent {
  readonly type: EventType;
  readonly isNew: boolean;
}

/** Counts the new events of an append, and those that it caused. `appended` is in the order of `wanted`. */
export function countAppendedEvents(
  wanted: readonly NewEvent[],
  { appended, voided }: { readonly appended: readonly AppendedEvent[]; readonly voided: readonly string[] },
): void {
  if (voided.length > 0) events.inc({ type: "card.approvals_voided" }, voided.length);
  wanted.forEach((event, n) => {
    if (appended[n]?.isNew !== true) return;
    events.inc({ type: event.type });
    if (event.type === "permit.expired") expiries.inc({ clock: "run_by" });
    if (event.type === "card.closed" && event.payload.denial?.code === "decide_by_passed") expiries.inc({ clock: "decide_by" });
  });
}
