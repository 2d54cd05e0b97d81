import { checkPlanCurrent, type PlanSources } from "../../lab256/acts/cards.js";
import type { CardDetail } from "../../lab256/ledger/queries/cards.js";

/** The maximum number of cards that are checked at once. A further reader checks nothing, and the next one does. */
const CHECKS_MAX = 8;
/** How long the result of a check is used, so that frequent readers cause no load. */
const CHECK_MAX_AGE_MS = 2000;
/** How often the flow of one round is told that somebody looks. */
const MESSAGE_EVERY_MS = 30_000;
/** The maximum number of cards remembered. */
const CARDS_MAX_COUNT = 10_000;

/** The dependencies of {@link PlanLooks}. */
export interface LookDependencies extends PlanSources {
  /** Tells the card's flow that somebody looks at it. */
  sendLook(tenantId: string, cardId: string): Promise<void>;
  /** Reports a check that failed. The reader has the card as it is recorded. */
  reportFault(error: unknown): void;
  now(): number;
}

interface Look {
  readonly atMs: number;
  readonly isOutdated: Promise<boolean>;
}

/**
 * Has a new plan made for a card whose plan has changed, because somebody looks at it. Checks a card at most once in CHECK_MAX_AGE_MS, and
 * tells its flow at most once in MESSAGE_EVERY_MS. Source: contracts "Plan and statements".
 */
export class PlanLooks {
  readonly #looks = new Map<string, Look>();
  readonly #told = new Map<string, number>();
  #running = 0;

  constructor(private readonly deps: LookDependencies) {}

  /** Checks the card without making its reader wait. The caller has the power to see it. */
  noteReader(card: CardDetail): void {
    if (card.status === "awaiting_approval" && (card.void_why !== null || this.#running < CHECKS_MAX)) void this.#look(card);
  }

  /** Returns whether the card is about to get a new plan. Uses no earlier check, because somebody is about to sign for the plan. */
  checkForDecision(card: CardDetail): Promise<boolean> {
    return card.status === "awaiting_approval" ? this.#check(card) : Promise.resolve(false);
  }

  #look(card: CardDetail): Promise<boolean> {
    const key = `${card.tenant_id}/${card.card_id}/${card.round}/${card.void_why === null ? "stands" : "void"}`;
    const known = this.#looks.get(key);
    if (known !== undefined && this.deps.now() - known.atMs < CHECK_MAX_AGE_MS) return known.isOutdated;
    const isOutdated = this.#check(card);
    remember(this.#looks, key, { atMs: this.deps.now(), isOutdated });
    return isOutdated;
  }

  async #check(card: CardDetail): Promise<boolean> {
    const { tenant_id, card_id, round, plan, plan_digest } = card;
    if (plan === null || plan_digest === null) return false;
    this.#running += 1;
    try {
      if ((await checkPlanCurrent(this.deps, card, { plan, plan_digest })).ok) return false;
      const flow = `${tenant_id}/${card_id}/${round}`;
      if (this.deps.now() - (this.#told.get(flow) ?? 0) < MESSAGE_EVERY_MS) return true;
      await this.deps.sendLook(tenant_id, card_id);
      remember(this.#told, flow, this.deps.now());
      return true;
    } catch (error) {
      this.deps.reportFault(error);
      return false;
    } finally {
      this.#running -= 1;
    }
  }
}

function remember<T>(known: Map<string, T>, key: string, value: T): void {
  known.delete(key);
  known.set(key, value);
  // A map keeps the order of insertion.
  const [oldest] = known.keys();
  if (known.size > CARDS_MAX_COUNT && oldest !== undefined) known.delete(oldest);
}
