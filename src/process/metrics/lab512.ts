import { Counter, Registry } from "prom-client";
import { JOB_TYPES } from "../../domain/act/job.js";
import { RECEIPT_STATUSES, type RunnerAnswer } from "../../domain/permit/receipt.js";

/** The Runner's own metrics. */
export const lab512Metrics = new Registry();

const registers = [lab512Metrics];

export const casConflicts = new Counter({
  name: "ogr_cas_conflicts_total",
  help: "Conditional writes of refs that another act won first; each is tried again",
  registers,
});

const cacheLookups = new Counter({
  name: "ogr_cache_lookups_total",
  help: "Lookups in the cache of packs: a `hit` had every object of the refs, a `miss` had to read the object store",
  labelNames: ["result"] as const,
  registers,
});
const hits = cacheLookups.labels({ result: "hit" });
const misses = cacheLookups.labels({ result: "miss" });
hits.inc(0);
misses.inc(0);

export function countCacheLookup(result: "hit" | "miss"): void {
  (result === "hit" ? hits : misses).inc();
}

const answers = new Counter({
  name: "ogr_runner_answers_total",
  help: "Commands that this Runner answered, by job and outcome: the receipt's status, or `refused` before the claim",
  labelNames: ["job_type", "outcome"] as const,
  registers,
});
for (const job_type of JOB_TYPES) for (const outcome of [...RECEIPT_STATUSES, "refused"]) answers.inc({ job_type, outcome }, 0);

/** Counts an answer and returns it. */
export function countAnswer(answer: RunnerAnswer): RunnerAnswer {
  const { jobType } = answer.kind === "receipt" ? answer.receipt : answer.refusal;
  // A refused command can name any job, and labels must stay few.
  const job_type = JOB_TYPES.find((known) => known === jobType) ?? "unknown";
  answers.inc({ job_type, outcome: answer.kind === "receipt" ? answer.receipt.status : "refused" });
  return answer;
}

export const pushFailures = new Counter({
  name: "ogr_metrics_push_failures_total",
  help: "Pushes of metrics that did not arrive",
  registers,
});
