import type { LedgerWatch } from "../../lab256/ledger/notifications.js";
import { type Holder, type NoPlace, type Place, Share } from "./share.js";
import { Turns } from "./turns.js";

/** How long a permit reserves the place of its command, in milliseconds; a later command takes a place itself. */
export const PERMIT_PLACE_MAX_MS = 10_000;
/** How long an act without a known end counts, in milliseconds: its notice may be lost, or no worker runs. */
const ACT_PLACE_MAX_MS = 60_000;

/** How long a command waits for its turn, in milliseconds. Then it continues without one: perhaps no worker runs, and Temporal keeps it. */
const TURN_WAIT_MS = 10_000;

/** Events that end an act, by its `jti`, and events that end the planning of a card. */
const ACT_ENDS = new Set(["receipt.recorded", "receipt.refused", "command.closed", "permit.revoked", "permit.expired", "permit.refused"]);
const PLANNING_ENDS = new Set(["card.planned", "card.closed"]);

/** Includes the tenant, so that equal ids of different tenants do not collide. */
export function toActKey(tenantId: string, id: string): string {
  return `${tenantId}/${id}`;
}

interface InFlight {
  readonly place: Place;
  readonly holder: Holder;
  /** Held from the command on. */
  turn?: Place | undefined;
  isIssued: boolean;
  timer?: NodeJS.Timeout;
}

/**
 * The acts that this process admitted and that have not ended as far as it knows. A permit takes a place, its command keeps it, and the
 * ledger's notice of the receipt releases it. A new card takes a place until it is planned. An act is known by the id of its request, and
 * then by its `jti` or card. Only a few commands run at a time: more would slow each other down on the same processors, and a newcomer
 * would wait for all of them.
 */
export class ActsInFlight {
  readonly #share: Share;
  readonly #turns: Turns;
  readonly #acts = new Map<string, InFlight>();
  readonly #unsubscribe: () => void;

  constructor({ max, runningMax }: { max: number; runningMax: number }, watch: Pick<LedgerWatch, "subscribe">) {
    this.#share = new Share(max);
    this.#turns = new Turns(runningMax);
    this.#unsubscribe = watch.subscribe((wake) => {
      if (wake.kind !== "notice") return;
      const { tenant_id, types, jti, card_id } = wake.notice;
      if (jti !== undefined && types.some((type) => ACT_ENDS.has(type))) this.end(toActKey(tenant_id, jti));
      if (card_id !== undefined && types.some((type) => PLANNING_ENDS.has(type))) this.end(toActKey(tenant_id, card_id));
    });
  }

  get max(): number {
    return this.#share.max;
  }

  checkPlace(holder: Holder): NoPlace | undefined {
    return this.#share.checkPlace(holder);
  }

  /** Takes a place for the act `id` until {@link end} or {@link keep}. */
  begin(id: string, holder: Holder, isIssued = false): NoPlace | undefined {
    const place = this.#share.take(holder);
    if (place.kind !== "place") return place;
    this.#acts.set(id, { place, holder, isIssued });
    return undefined;
  }

  /** Waits for the turn of the command `id`. */
  async waitForTurn(id: string): Promise<void> {
    const act = this.#acts.get(id);
    if (act === undefined) return;
    const turn = await this.#turns.take(act.holder, TURN_WAIT_MS);
    // The act may have ended meanwhile.
    if (this.#acts.get(id) === act) act.turn = turn;
    else turn?.release();
  }

  /** Takes over the place of a command's permit. Returns `running` if another request has issued the same command. */
  takeOver(id: string): "taken_over" | "running" | "absent" {
    const act = this.#acts.get(id);
    if (act === undefined) return "absent";
    if (act.isIssued) return "running";
    clearTimeout(act.timer);
    act.isIssued = true;
    return "taken_over";
  }

  /** Keeps the place of an act, now known as `as`, until the ledger reports its end, or for at most `keepMs`. */
  keep(id: string, as: string = id, keepMs: number = ACT_PLACE_MAX_MS): void {
    const act = this.#acts.get(id);
    // The act ended before its answer was built.
    if (act === undefined) return;
    if (as !== id && this.#acts.has(as)) {
      this.end(id);
      return;
    }
    this.#acts.delete(id);
    clearTimeout(act.timer);
    act.timer = setTimeout(() => this.end(as), keepMs).unref();
    this.#acts.set(as, act);
  }

  end(id: string): void {
    const act = this.#acts.get(id);
    if (act === undefined) return;
    clearTimeout(act.timer);
    this.#acts.delete(id);
    act.place.release();
    act.turn?.release();
  }

  close(): void {
    this.#unsubscribe();
    for (const id of [...this.#acts.keys()]) this.end(id);
  }
}
