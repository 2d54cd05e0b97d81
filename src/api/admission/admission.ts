import type { FastifyReply } from "fastify";
import type { Principal } from "../../lab256/identity/authentication.js";
import type { LedgerWatch } from "../../lab256/ledger/notifications.js";
import { type ProblemAnswer, refuseOverloaded, refuseShareExceeded } from "../http/problem.js";
import type { Answer, GuardedRoute } from "../http/route.js";
import { ActsInFlight, PERMIT_PLACE_MAX_MS, toActKey } from "./acts-in-flight.js";
import { type Holder, type NoPlace, type Place, Share } from "./share.js";

/** The parallel work of one api process. Each limit is a number of places that callers share. */
export interface AdmissionLimits {
  /** Requests that are being answered. */
  readonly requestsMax: number;
  /** Waiting requests. */
  readonly waitsMax: number;
  /** Uploads to staging; each may fill the temporary folder with `staged_max_bytes`. */
  readonly uploadsMax: number;
  /** Admitted acts without a known end, and cards being planned. */
  readonly actsMax: number;
  /** Commands among them that run in parallel; the others wait for their turn. */
  readonly actsRunningMax: number;
}

/** Parallel requests that read a whole ledger. */
const AUDITS_MAX = 4;

/** The words for each kind of request, and its `Retry-After` in seconds. */
const KINDS = {
  request: { words: "requests", retryAfterS: 1 },
  wait: { words: "waiting requests", retryAfterS: 1 },
  upload: { words: "uploads", retryAfterS: 5 },
  audit: { words: "verifications of a ledger", retryAfterS: 5 },
  act: { words: "acts under way", retryAfterS: 2 },
} as const;
type Kind = keyof typeof KINDS;

interface RequestParts {
  readonly id: string;
  readonly query: unknown;
  readonly body: unknown;
}

/**
 * Refuses requests that cannot be served soon: with 503 `overloaded` if every place is taken, with 429 `share_exceeded` if this tenant or
 * actor has used its share. A refused request has started nothing. Public routes are never refused (RFC 6585 §4, RFC 9110 §15.6.4).
 */
export class Admission {
  readonly #shares: Readonly<Record<Exclude<Kind, "act">, Share>>;
  readonly #acts: ActsInFlight;
  readonly #visits = new WeakMap<FastifyReply, Visit>();

  constructor(limits: AdmissionLimits, watch: Pick<LedgerWatch, "subscribe">) {
    this.#shares = {
      request: new Share(limits.requestsMax),
      wait: new Share(limits.waitsMax),
      upload: new Share(limits.uploadsMax),
      audit: new Share(AUDITS_MAX),
    };
    this.#acts = new ActsInFlight({ max: limits.actsMax, runningMax: limits.actsRunningMax }, watch);
  }

  /** Takes a place for the request until its answer is sent, before its body is read, or returns the refusal. */
  enter(route: GuardedRoute, principal: Principal, query: unknown, reply: FastifyReply): ProblemAnswer | undefined {
    const holder = toHolder(route, principal);
    const kind = classifyRequest(route, query);
    // Refuse before reading the body where possible. A command's body names its permit, which may hold a place.
    const early = route.act === undefined || route.act === "command" ? undefined : this.#acts.checkPlace(holder);
    if (early !== undefined) return refusePlace(early, "act", this.#acts.max);
    const place = this.#shares[kind].take(holder);
    if (place.kind !== "place") return refusePlace(place, kind, this.#shares[kind].max);
    this.#visits.set(reply, new Visit(place, reply));
    return undefined;
  }

  /** Answers by `handle`. A request that starts an act first takes a place among the acts under way, until the act has ended. */
  async answerAdmitted(
    route: GuardedRoute,
    principal: Principal,
    asked: RequestParts,
    reply: FastifyReply,
    handle: () => Promise<Answer>,
  ): Promise<Answer> {
    const visit = this.#visits.get(reply);
    visit?.begin();
    try {
      return await this.#handleAct(route, principal, asked, handle);
    } finally {
      visit?.end();
    }
  }

  close(): void {
    this.#acts.close();
  }

  async #handleAct(route: GuardedRoute, principal: Principal, asked: RequestParts, handle: () => Promise<Answer>): Promise<Answer> {
    if (route.act === undefined) return handle();
    const { tenant_id } = principal;
    const id = toActKey(tenant_id, route.act === "command" ? String(findMember(asked.body, "jti")) : asked.id);
    const taken = route.act === "command" ? this.#acts.takeOver(id) : "absent";
    // The first request holds the place; this one gets the answer about the first.
    if (taken === "running") return handle();
    const full = taken === "absent" ? this.#acts.begin(id, toHolder(route, principal), route.act === "command") : undefined;
    if (full !== undefined) return refusePlace(full, "act", this.#acts.max);
    try {
      if (route.act === "command") await this.#acts.waitForTurn(id);
      const answer = await handle();
      this.#settle(route.act, tenant_id, id, answer);
      return answer;
    } catch (error) {
      // The flow of a command may have started despite the error.
      if (route.act === "command") this.#acts.keep(id);
      else this.#acts.end(id);
      throw error;
    }
  }

  #settle(act: NonNullable<GuardedRoute["act"]>, tenantId: string, id: string, answer: Answer): void {
    const body = answer.kind === "json" ? answer.body : undefined;
    const isPlanning = findMember(body, "status") === "planning";
    if (body === undefined || (act === "card" && !isPlanning)) this.#acts.end(id);
    else if (act === "command") this.#acts.keep(id);
    else if (act === "permit")
      this.#acts.keep(id, toActKey(tenantId, String(findMember(findMember(body, "permit"), "jti"))), PERMIT_PLACE_MAX_MS);
    else this.#acts.keep(id, toActKey(tenantId, String(findMember(body, "card_id"))));
  }
}

/** Holds a request's place until its answer is sent and its work is done: a client that disconnects stops no work. */
class Visit {
  #isWorking = false;
  #isOver: boolean;

  constructor(
    private readonly place: Place,
    reply: FastifyReply,
  ) {
    // The client may have disconnected during the token lookup; then no close event follows.
    this.#isOver = reply.raw.destroyed;
    if (this.#isOver) place.release();
    reply.raw.once("close", () => {
      this.#isOver = true;
      if (!this.#isWorking) place.release();
    });
  }

  begin(): void {
    this.#isWorking = true;
  }

  end(): void {
    this.#isWorking = false;
    if (this.#isOver) this.place.release();
  }
}

/** A Runner's report ends acts that others started, so it must not compete with them for places. */
function toHolder(route: GuardedRoute, { tenant_id, actor_id }: Principal): Holder {
  return { tenant_id: route.access === "runner" ? `${tenant_id} runners` : tenant_id, actor_id };
}

function classifyRequest(route: GuardedRoute, query: unknown): Exclude<Kind, "act"> {
  if (route.takesBytes) return "upload";
  if (route.load !== undefined) return route.load;
  // A command waits for its turn.
  if (route.act === "command") return "wait";
  const waitMs = findMember(query, "wait_ms");
  return waitMs === undefined || waitMs === "0" ? "request" : "wait";
}

function refusePlace({ kind }: NoPlace, of: Kind, max: number): ProblemAnswer {
  const { words, retryAfterS } = KINDS[of];
  return kind === "full"
    ? refuseOverloaded(`This api serves at most ${max} ${words} at a time; nothing was started.`, retryAfterS)
    : refuseShareExceeded(`You have used your share of the ${max} ${words}; nothing was started.`, retryAfterS);
}

function findMember(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
