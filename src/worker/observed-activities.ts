import type { Context } from "@temporalio/activity";
import { CancelledFailure } from "@temporalio/common";
import type { ActivityInterceptorsFactory } from "@temporalio/worker";
import type { Logger } from "pino";
import { parseLogSubject } from "../process/log-subject.js";
import { observeActivity } from "../process/metrics/activities.js";

/** Limits a fault's message in the log, because it can contain input from a client. */
const REASON_MAX_CHARS = 500;

/** Logs and counts each attempt at a step: its subject, outcome and duration. */
export function createActivityObserver(log: Logger): ActivityInterceptorsFactory {
  return (context) => ({
    inbound: {
      async execute(input, next) {
        const started = performance.now();
        const buildLine = (outcome: object) => ({
          ...toActivityFields(context),
          ...outcome,
          took_ms: Math.round(performance.now() - started),
        });
        const { activityType } = context.info;
        try {
          const answer = await next(input);
          observeActivity(activityType, performance.now() - started, "answered");
          log[isBookkeeping(context) ? "debug" : "info"](buildLine(toOutcomeFields(answer)));
          return answer;
        } catch (error) {
          if (error instanceof CancelledFailure) log.info(buildLine({ outcome: "cancelled" }));
          else {
            observeActivity(activityType, performance.now() - started, "failed");
            log.warn(buildLine({ outcome: "failed", reason: String(error).slice(0, REASON_MAX_CHARS) }));
          }
          throw error;
        }
      },
    },
  });
}

function toActivityFields({ info }: Context) {
  return { ...parseLogSubject(info.workflowExecution?.workflowId ?? ""), activity: info.activityType, attempt: info.attempt };
}

/** Housekeeping runs every half minute, so only its failures are logged by default. */
function isBookkeeping({ info }: Context): boolean {
  return info.workflowType === "housekeeping";
}

interface OutcomeFields {
  readonly outcome: string;
  readonly code?: string;
  readonly jti?: string;
}

/** Returns the part of a step's result that is logged. */
export function toOutcomeFields(answer: unknown): OutcomeFields {
  if (typeof answer !== "object" || answer === null) return { outcome: typeof answer === "string" ? answer : "ok" };
  const { kind, receipt, refusal, ok, value, status } = answer as Record<string, unknown>;
  const code = getCode((answer as { denial?: unknown }).denial);
  if (kind === "receipt")
    return {
      outcome: getStringMember(receipt, "status") ?? "receipt",
      ...toCodeField(getStringMember(receipt, "code")),
      ...toJtiField(receipt),
    };
  if (kind === "refusal") return { outcome: "refused", ...toCodeField(getStringMember(refusal, "code")), ...toJtiField(refusal) };
  if (ok === false) return { outcome: "denied", ...toCodeField(code) };
  if (ok === true) return { outcome: "ok", ...(typeof value === "object" && value !== null ? toJtiField(getEnvelope(value)) : {}) };
  return { outcome: typeof status === "string" ? status : "ok", ...toCodeField(code) };
}

const getEnvelope = (value: object): unknown => (value as { envelope?: unknown }).envelope;
const getCode = (denial: unknown): string | undefined => getStringMember(denial, "code");
const toCodeField = (code: string | undefined) => (code === undefined ? {} : { code });

function toJtiField(holder: unknown): { jti?: string } {
  const jti = getStringMember(holder, "jti");
  return jti === undefined ? {} : { jti };
}

function getStringMember(holder: unknown, name: string): string | undefined {
  if (typeof holder !== "object" || holder === null) return undefined;
  const value = (holder as Record<string, unknown>)[name];
  return typeof value === "string" ? value : undefined;
}
