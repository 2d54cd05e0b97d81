import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  type WorkflowClientInterceptor,
} from "@temporalio/client";
import proto from "@temporalio/proto";
import { z } from "zod";
import type { TemporalAccess } from "../configuration/sections/temporal.js";
import { LAB_256_QUEUE, LAB_512_QUEUE } from "../domain/act/task-queue.js";
import { formatWorkerIdentity, WORKER_HEARTBEAT_MS } from "../process/worker-identity.js";

/** The time limit of a call that needs no worker, in milliseconds. */
const CALL_MAX_MS = 5000;
/** Few attempts, so that an outage is reported quickly; the caller can retry. */
const ATTEMPTS_MAX = 3;
/** A worker polls for at most a minute before it polls again. */
const POLLER_FRESH_MS = 70_000;
/** A worker that missed two heartbeats is dead. */
const HEARTBEAT_FRESH_MS = 2.5 * WORKER_HEARTBEAT_MS;
const WORKERS_PAGE = 1000;

const { TaskQueueType, WorkerStatus } = proto.temporal.api.enums.v1;
const { WORKER_STATUS_RUNNING } = WorkerStatus;
/** gRPC codes of a server without heartbeats: PERMISSION_DENIED, UNIMPLEMENTED. */
const HEARTBEATS_OFF = new Set([7, 12]);

interface Heartbeat {
  readonly task_queue: string;
  /** By the worker's clock, in milliseconds since 1970. */
  readonly sent_ms: number;
  /** When this process first saw it. */
  readonly at_ms: number;
}

function toMs(time: { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1000 + Math.trunc((time?.nanos ?? 0) / 1e6);
}

/** The number of workers that poll a queue; `last_poll_ms` is the start of the latest poll, in milliseconds since 1970. */
export const pollersSchema = z.object({ task_queue: z.string(), pollers: z.number(), last_poll_ms: z.number().nullable() });
type Pollers = z.infer<typeof pollersSchema>;

/** The api's client of Temporal. It connects on first use, and every call has a deadline. */
export class Temporal {
  readonly client: Client;
  private readonly connection: Connection;
  private heartbeats: ReadonlyMap<string, Heartbeat> = new Map();

  constructor(
    access: TemporalAccess,
    readonly namespace: string,
    interceptors: WorkflowClientInterceptor[] = [],
  ) {
    const retry = makeGrpcRetryInterceptor(defaultGrpcRetryOptions({ maxAttempts: ATTEMPTS_MAX }));
    this.connection = Connection.lazy({ ...access, connectTimeout: CALL_MAX_MS, interceptors: [retry] });
    const identity = formatWorkerIdentity("api");
    this.client = new Client({ connection: this.connection, namespace, identity, interceptors: { workflow: interceptors } });
  }

  callWithDeadline<T>(call: () => Promise<T>, maxMs: number = CALL_MAX_MS): Promise<T> {
    return this.client.withDeadline(Date.now() + maxMs, call);
  }

  /** @throws if Temporal does not serve the namespace. */
  async ping(maxMs: number): Promise<void> {
    await this.callWithDeadline(() => this.connection.workflowService.describeNamespace({ namespace: this.namespace }), maxMs);
  }

  /**
   * Lists the pollers of LAB 256 for workflows and of LAB 512 for activities: by the heartbeats of their workers, which tell within seconds
   * that one is dead, or by their polls if Temporal knows no heartbeats.
   */
  async listPollers(nowMs: number, maxMs: number): Promise<Pollers[]> {
    const [heartbeats, ...queues] = await Promise.all([
      this.readHeartbeats(nowMs, maxMs),
      this.readPollers(LAB_256_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, nowMs, maxMs),
      this.readPollers(LAB_512_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, nowMs, maxMs),
    ]);
    if (heartbeats.length === 0) return queues;
    return queues.map(({ task_queue }) => {
      const beats = heartbeats.flatMap((worker) => (worker.task_queue === task_queue ? [worker.at_ms] : []));
      const pollers = beats.filter((at) => nowMs - at < HEARTBEAT_FRESH_MS).length;
      return { task_queue, pollers, last_poll_ms: beats.length === 0 ? null : Math.max(...beats) };
    });
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  /** Lists when each worker last had a heartbeat by this process's clock. A worker's own clock counts only for the first one. */
  private async readHeartbeats(nowMs: number, maxMs: number): Promise<readonly Heartbeat[]> {
    const request = { namespace: this.namespace, pageSize: WORKERS_PAGE };
    const answer = await this.callWithDeadline(() => this.connection.workflowService.listWorkers(request), maxMs).catch(
      (error: unknown) => {
        // A server that keeps no heartbeats, or keeps them to itself.
        if (isGrpcServiceError(error) && HEARTBEATS_OFF.has(error.code)) return { workersInfo: [] };
        throw error;
      },
    );
    const seen = new Map<string, Heartbeat>();
    for (const { workerHeartbeat } of answer.workersInfo) {
      if (workerHeartbeat?.status !== WORKER_STATUS_RUNNING) continue;
      const { heartbeatTime } = workerHeartbeat;
      const key = workerHeartbeat.workerInstanceKey ?? "";
      const sent_ms = toMs(heartbeatTime);
      const known = this.heartbeats.get(key);
      const at_ms = known === undefined ? Math.min(sent_ms, nowMs) : known.sent_ms === sent_ms ? known.at_ms : nowMs;
      seen.set(key, { task_queue: workerHeartbeat.taskQueue ?? "", sent_ms, at_ms });
    }
    this.heartbeats = seen;
    return [...seen.values()];
  }

  private async readPollers(name: string, taskQueueType: number, nowMs: number, maxMs: number): Promise<Pollers> {
    const request = { namespace: this.namespace, taskQueue: { name }, taskQueueType };
    const { pollers } = await this.callWithDeadline(() => this.connection.workflowService.describeTaskQueue(request), maxMs);
    const polls = pollers.map(({ lastAccessTime }) => toMs(lastAccessTime));
    const fresh = polls.filter((at) => nowMs - at < POLLER_FRESH_MS);
    return { task_queue: name, pollers: fresh.length, last_poll_ms: polls.length === 0 ? null : Math.max(...polls) };
  }
}
