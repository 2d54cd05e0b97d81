import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { type SigningKey, signObject, verifySignedObject } from "../../domain/bytes/signature.js";
import { type SignedPoint, signedPointSchema, type WalkPoint } from "../../domain/charter/walk-point.js";
import { parseJsonBytes } from "../../domain/json.js";
import { SerialQueue } from "../../domain/serial-queue.js";
import type { CharterWalk } from "./walk.js";

/** The entries after the last point before the next is kept: a small charter never has one. */
const ENTRIES_PER_POINT = 64;

/** Where a process keeps its points, one for each tenant and key. Nothing that is read there is believed. */
export interface PointStore {
  read(tenantId: string, kid: string): Promise<Uint8Array | undefined>;
  /** Replaces what is there. */
  write(tenantId: string, kid: string, bytes: Uint8Array): Promise<void>;
}

export interface WalkPointsOptions {
  readonly store: PointStore;
  /** The process's own key, which nobody else holds. */
  readonly key: SigningKey;
  /** The release of this software: another one may check more. */
  readonly release: string;
  reportFault(error: unknown, what: string): void;
}

/**
 * The points of walks that this process, or another with its key and release, checked in full. A walk resumes from a point only if that key
 * signed it; anything else means that it begins at the founding key. Entries after the point are read as always. Source: contracts "Charter".
 */
export class WalkPoints {
  /** The version of each walk's last point. */
  readonly #kept = new WeakMap<CharterWalk, number>();
  readonly #writes = new SerialQueue();

  constructor(private readonly options: WalkPointsOptions) {}

  /** Lets a walk that has not begun go on from its point, if there is one that `accepts` accepts. */
  async resume(walk: CharterWalk, accepts: (point: WalkPoint) => Promise<boolean> = async () => true): Promise<void> {
    if (walk.version > 0) return;
    const point = await this.#readPoint(walk.tenantId);
    if (point !== undefined && (await accepts(point)) && walk.resume(point)) this.#kept.set(walk, point.version);
  }

  /** Keeps a point of the walk if it went far enough since the last one. Signs and writes it later. */
  keep(walk: CharterWalk): void {
    if (walk.version < (this.#kept.get(walk) ?? 0) + ENTRIES_PER_POINT) return;
    this.#kept.set(walk, walk.version);
    const point = walk.toPoint();
    void this.#writes.run(() => this.#write(point));
  }

  /** Returns when the points that were to be kept are written, or could not be. */
  settle(): Promise<void> {
    return this.#writes.run(async () => undefined);
  }

  async #readPoint(tenantId: string): Promise<WalkPoint | undefined> {
    const { store, key, release } = this.options;
    try {
      const bytes = await store.read(tenantId, key.kid);
      if (bytes === undefined) return undefined;
      const parsed = signedPointSchema.safeParse(parseJsonBytes(bytes));
      if (!parsed.success || verifySignedObject("charter_point", parsed.data, { keys: [key.jwk] }) !== "valid")
        throw new Error("It is not a point that this process signed.");
      const { kid: _, sig: __, release: signedBy, ...point } = parsed.data;
      return signedBy === release ? point : undefined;
    } catch (error) {
      this.options.reportFault(error, `cannot resume the walk along the charter of ${tenantId}, which is walked from its founding key`);
      return undefined;
    }
  }

  async #write(point: WalkPoint): Promise<void> {
    const { store, key, release } = this.options;
    try {
      // The request whose walk this was is answered first.
      await new Promise((resolve) => setImmediate(resolve));
      const signed: SignedPoint = signObject("charter_point", { ...point, release }, key);
      await store.write(point.tenant_id, key.kid, toCanonicalBytes(signed));
    } catch (error) {
      this.options.reportFault(error, `cannot keep a point of the charter of ${point.tenant_id}`);
    }
  }
}
