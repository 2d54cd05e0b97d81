import { renderElapsed } from "../stack/progress.js";

/** One step of the demo, as `--json` prints it. Times in milliseconds. */
export interface DemoStep {
  readonly step: string;
  /** A sentence for people. */
  readonly text: string;
  readonly level?: string | undefined;
  /** What was decided, and by which rules. */
  readonly decision?: string | undefined;
  readonly reasons?: readonly { readonly rule: string; readonly text: string }[] | undefined;
  readonly permit?: { readonly jti: string; readonly exp: number } | undefined;
  readonly workflow_id?: string | undefined;
  readonly temporal_url?: string | null | undefined;
  readonly receipt?:
    | { readonly jti: string; readonly status: string; readonly logs_hash: string; readonly refs: readonly unknown[] }
    | undefined;
  /** More facts, each on a line of its own. */
  readonly facts?: readonly string[] | undefined;
  readonly [more: string]: unknown;
}

export interface DemoReport {
  step(step: DemoStep): void;
  progress(line: string): void;
  failed(step: string, why: string): void;
  done(summary: Readonly<Record<string, unknown>>): void;
}

type Write = (line: string) => void;

/** For programs: one JSON object a step on standard output, and a last one with `ok`. */
export function jsonReport(write: Write): DemoReport {
  const clock = stopwatch();
  const print = (value: object) => write(JSON.stringify(value));
  return {
    step: (step) => print({ ...step, ok: true, ...clock() }),
    progress: () => undefined,
    failed: (step, why) => print({ ok: false, step, error: why, ...clock() }),
    done: (summary) => print({ ok: true, ...summary, ...clock() }),
  };
}

/** For people: what was done, why it was allowed, and where to look. */
export function textReport(write: Write): DemoReport {
  const clock = stopwatch();
  const at = () => renderElapsed(clock().elapsed_ms).padStart(7);
  return {
    step(step) {
      write(`${at()}  ✓ ${step.text}`);
      for (const line of stepLines(step)) write(`${" ".repeat(11)}${line}`);
    },
    progress: (line) => write(`${at()}    ${line}`),
    failed: (step, why) => write(`${at()}  ✗ ${step}: ${why}`),
    done: (summary) => write(`${at()}  The Proof of Done holds: ${String(summary.text)}`),
  };
}

function stepLines({ level, decision, reasons = [], permit, workflow_id, temporal_url, receipt, facts = [] }: DemoStep): string[] {
  const lines: string[] = [];
  const add = (name: string, text: string) => lines.push(`${name.padEnd(9)} ${text}`);
  if (level !== undefined) add("level", level);
  if (decision !== undefined) add("decision", decision);
  for (const { rule, text } of reasons) add("reason", `${text} (${rule})`);
  if (permit !== undefined) add("permit", `${permit.jti}, to be used by ${new Date(permit.exp).toISOString()}`);
  if (workflow_id !== undefined) add("workflow", temporal_url ? `${workflow_id}\n${" ".repeat(21)}${temporal_url}` : workflow_id);
  if (receipt !== undefined) add("receipt", `${receipt.status}, log ${receipt.logs_hash.slice(0, 16)}…`);
  return [...lines, ...facts];
}

function stopwatch(): () => { elapsed_ms: number } {
  const startedAt = performance.now();
  return () => ({ elapsed_ms: Math.round(performance.now() - startedAt) });
}
