import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor, type WorkflowClientInterceptor } from "@temporalio/client";
import proto from "@temporalio/proto";
import { z } from "zod";
import type { TemporalAccess } from "../configuration/sections/temporal.js";
import { LAB_256_QUEUE, LAB_512_QUEUE } from "../domain/act/task-queue.js";
import { formatWorkerIdentity } from "../process/worker-identity.js";

/** The time limit of a call that needs no worker, in milliseconds. */
const CALL_MAX_MS = 5000;
/** Few attempts, so that an outage is reported quickly; the caller can retry. */
const ATTEMPTS_MAX = 3;
/** A worker polls for at most a minute before it polls again. */
const POLLER_FRESH_MS = 70_000;

const { TaskQueueType } = proto.temporal.api.enums.v1;

/** The number of workers that poll a queue; `last_poll_ms` is the start of the latest poll, in milliseconds since 1970. */
export const pollersSchema = z.object({ task_queue: z.string(), pollers: z.number(), last_poll_ms: z.number().nullable() });
type Pollers = z.infer<typeof pollersSchema>;

/** The api's client of Temporal. It connects on first use, and every call has a deadline. */
export class Temporal {
  readonly client: Client;
  private readonly connection: Connection;

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

  /** Lists the pollers of LAB 256 for workflows and of LAB 512 for activities. */
  async listPollers(nowMs: number, maxMs: number): Promise<Pollers[]> {
    return Promise.all([
      this.readPollers(LAB_256_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, nowMs, maxMs),
      this.readPollers(LAB_512_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, nowMs, maxMs),
    ]);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  private async readPollers(name: string, taskQueueType: number, nowMs: number, maxMs: number): Promise<Pollers> {
    const request = { namespace: this.namespace, taskQueue: { name }, taskQueueType };
    const { pollers } = await this.callWithDeadline(() => this.connection.workflowService.describeTaskQueue(request), maxMs);
    const polls = pollers.map(
      ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 + Math.trunc((lastAccessTime?.nanos ?? 0) / 1e6),
    );
    const fresh = polls.filter((at) => nowMs - at < POLLER_FRESH_MS);
    return { task_queue: name, pollers: fresh.length, last_poll_ms: polls.length === 0 ? null : Math.max(...polls) };
  }
}
