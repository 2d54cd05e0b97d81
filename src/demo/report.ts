import { formatDuration, type Log } from "../stack/progress.js";

/** One step of the demo, as `--json` prints it. Times in milliseconds. */
export interface DemoStep {
  readonly step: string;
  /** A sentence for a person. */
  readonly text: string;
  readonly level?: string | undefined;
  /** The decision. */
  readonly decision?: string | undefined;
  readonly reasons?: readonly { readonly rule: string; readonly text: string }[] | undefined;
  readonly permit?: { readonly jti: string; readonly exp: number } | undefined;
  readonly workflow_id?: string | undefined;
  readonly temporal_url?: string | null | undefined;
  readonly receipt?:
    | { readonly jti: string; readonly status: string; readonly logs_hash: string; readonly refs: readonly unknown[] }
    | undefined;
  /** Further facts, one per line. */
  readonly facts?: readonly string[] | undefined;
  readonly [more: string]: unknown;
}

export interface DemoReport {
  step(step: DemoStep): void;
  readonly progress: Log;
  fail(step: string, why: string): void;
  finish(summary: Readonly<Record<string, unknown>>): void;
}

/** Reports to programs: one JSON object for each step, and one at the end with `ok`. */
export function createJsonReport(write: Log): DemoReport {
  const clock = startStopwatch();
  const writeJson = (value: object) => write(JSON.stringify(value));
  return {
    step: (step) => writeJson({ ...step, ok: true, ...clock() }),
    progress: () => undefined,
    fail: (step, why) => writeJson({ ok: false, step, error: why, ...clock() }),
    finish: (summary) => writeJson({ ok: true, ...summary, ...clock() }),
  };
}

/** Reports to people: each act, why it was allowed, and where to look at it. */
export function createTextReport(write: Log): DemoReport {
  const clock = startStopwatch();
  const formatElapsed = () => formatDuration(clock().elapsed_ms).padStart(7);
  return {
    step(step) {
      write(`${formatElapsed()}  ✓ ${step.text}`);
      for (const line of formatStepLines(step)) write(`${" ".repeat(11)}${line}`);
    },
    progress: Object.assign((line: string) => write(`${formatElapsed()}    ${line}`), { isTerminal: write.isTerminal === true }),
    fail: (step, why) => write(`${formatElapsed()}  ✗ ${step}: ${why}`),
    finish: (summary) => write(`${formatElapsed()}  The Proof of Done holds: ${String(summary.text)}`),
  };
}

function formatStepLines({ level, decision, reasons = [], permit, workflow_id, temporal_url, receipt, facts = [] }: DemoStep): string[] {
  const lines: string[] = [];
  const addLine = (name: string, text: string) => lines.push(`${name.padEnd(9)} ${text}`);
  if (level !== undefined) addLine("level", level);
  if (decision !== undefined) addLine("decision", decision);
  for (const { rule, text } of reasons) addLine("reason", `${text} (${rule})`);
  if (permit !== undefined) addLine("permit", `${permit.jti}, to be used by ${new Date(permit.exp).toISOString()}`);
  if (workflow_id !== undefined) addLine("workflow", temporal_url ? `${workflow_id}\n${" ".repeat(21)}${temporal_url}` : workflow_id);
  if (receipt !== undefined) addLine("receipt", `${receipt.status}, log ${receipt.logs_hash.slice(0, 16)}…`);
  return [...lines, ...facts];
}

function startStopwatch(): () => { elapsed_ms: number } {
  const startedAt = performance.now();
  return () => ({ elapsed_ms: Math.round(performance.now() - startedAt) });
}
