import type { CardAnswer, CommandAnswer } from "../../client/answers.js";
import type { RegistryClient } from "../../client/http/registry-client.js";
import { type Watcher, watchCard, watchCommand } from "../../client/watching.js";
import { toShownLine } from "../../domain/shown-text.js";
import type { Output } from "./output.js";
import { withProgress } from "./progress.js";
import { formatStatus } from "./text.js";

/** Prints each state of a card. Returns the card at its end. */
export function followCard(client: RegistryClient, cardId: string, out: Output): Promise<CardAnswer> {
  return followFlow(out, formatCardState, (watcher) => watchCard(client, cardId, watcher));
}

/** Prints each state of a command. Returns the command at its end. */
export function followCommand(client: RegistryClient, jti: string, out: Output): Promise<CommandAnswer> {
  return followFlow(
    out,
    ({ status }) => formatStatus(status),
    (watcher) => watchCommand(client, jti, watcher),
  );
}

function followFlow<T>(out: Output, text: (seen: T) => string, watch: (watcher: Watcher<T>) => Promise<T>): Promise<T> {
  return withProgress(out, "", (step) => {
    let shown = "";
    return watch({
      onChange(seen) {
        const line = toShownLine(text(seen));
        if (out.json || line !== shown) out.print(seen, `${new Date().toISOString().slice(11, 19)}  ${line}`);
        shown = line;
        step(line);
      },
      onOutage: (why) => out.remark(`ogr: ${why} Retrying.`),
    });
  });
}

function formatCardState({ status, break_glass, missing, statements = [], round, jti }: CardAnswer & { round?: unknown }): string {
  const parts = [...(break_glass == null ? [] : ["BREAK-GLASS"]), formatStatus(status)];
  if (typeof round === "number" && round > 1) parts.push(`plan ${round}`);
  const counted = statements.filter(({ counts }) => counts).length;
  if (counted > 0) parts.push(`${counted} of ${statements.length} statements count`);
  if (status === "awaiting_approval" && missing.length > 0) parts.push(`waits for ${missing.map((one) => one.text).join(", ")}`);
  if (jti !== null) parts.push(`permit ${jti}`);
  return parts.join("; ");
}
