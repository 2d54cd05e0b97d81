import type { Context } from "@temporalio/activity";
import { CancelledFailure } from "@temporalio/common";
import type { ActivityInterceptorsFactory } from "@temporalio/worker";
import type { Logger } from "pino";
import { observeActivity } from "../process/metrics/activities.js";
import { parseLogSubject } from "../process/subject.js";

/** A fault's message can hold what a client sent; the log keeps this much of it. */
const REASON_MAX_CHARS = 500;

/** One line and one observation for each attempt at a step of a flow: what it was about, what it came to, how long it took. */
export function observedActivities(log: Logger): ActivityInterceptorsFactory {
  return (context) => ({
    inbound: {
      async execute(input, next) {
        const started = performance.now();
        const line = (outcome: object) => ({ ...about(context), ...outcome, took_ms: Math.round(performance.now() - started) });
        const { activityType } = context.info;
        try {
          const answer = await next(input);
          observeActivity(activityType, performance.now() - started, "answered");
          log[isBookkeeping(context) ? "debug" : "info"](line(outcomeOf(answer)));
          return answer;
        } catch (error) {
          if (error instanceof CancelledFailure) log.info(line({ outcome: "cancelled" }));
          else {
            observeActivity(activityType, performance.now() - started, "failed");
            log.warn(line({ outcome: "failed", reason: String(error).slice(0, REASON_MAX_CHARS) }));
          }
          throw error;
        }
      },
    },
  });
}

function about({ info }: Context) {
  return { ...parseLogSubject(info.workflowExecution?.workflowId ?? ""), activity: info.activityType, attempt: info.attempt };
}

/** What a schedule does every half minute is news only when it fails. */
function isBookkeeping({ info }: Context): boolean {
  return info.workflowType === "housekeeping";
}

interface Answered {
  readonly outcome: string;
  readonly code?: string;
  readonly jti?: string;
}

/** What an answer says of itself, whichever step gave it: never more of it than this. */
export function outcomeOf(answer: unknown): Answered {
  if (typeof answer !== "object" || answer === null) return { outcome: typeof answer === "string" ? answer : "ok" };
  const { kind, receipt, refusal, ok, value, status } = answer as Record<string, unknown>;
  const code = codeIn((answer as { denial?: unknown }).denial);
  if (kind === "receipt") return { outcome: member(receipt, "status") ?? "receipt", ...coded(member(receipt, "code")), ...acting(receipt) };
  if (kind === "refusal") return { outcome: "refused", ...coded(member(refusal, "code")), ...acting(refusal) };
  if (ok === false) return { outcome: "denied", ...coded(code) };
  if (ok === true) return { outcome: "ok", ...(typeof value === "object" && value !== null ? acting(envelopeIn(value)) : {}) };
  return { outcome: typeof status === "string" ? status : "ok", ...coded(code) };
}

const envelopeIn = (value: object): unknown => (value as { envelope?: unknown }).envelope;
const codeIn = (denial: unknown): string | undefined => member(denial, "code");
const coded = (code: string | undefined) => (code === undefined ? {} : { code });

function acting(holder: unknown): { jti?: string } {
  const jti = member(holder, "jti");
  return jti === undefined ? {} : { jti };
}

function member(holder: unknown, name: string): string | undefined {
  if (typeof holder !== "object" || holder === null) return undefined;
  const value = (holder as Record<string, unknown>)[name];
  return typeof value === "string" ? value : undefined;
}
