import type { Logger } from "pino";
import type { RelyingParty } from "../decision/assertion.js";
import type { Charters } from "../decision/charter/charters.js";
import type { PolicyCatalog } from "../decision/policy/policy-catalog.js";
import type { Jwks, SigningKey } from "../domain/bytes/signature.js";
import type { InfraSource } from "../infra/source/source.js";
import type { DbPool } from "../lab256/database/database.js";
import type { LedgerWatch } from "../lab256/ledger/notifications.js";
import type { PermitDependencies } from "../lab256/permits/permits.js";
import type { ObjectStore } from "../storage/ports.js";
import type { Flows } from "./acts/flows.js";
import type { PlanLooks } from "./acts/plan-looks.js";
import type { AdmissionLimits } from "./admission/admission.js";
import type { PrincipalCache } from "./http/principal-cache.js";
import type { Urls } from "./http/urls.js";
import type { Temporal } from "./temporal.js";

/** The dependencies of the routes, built by the composition root. */
export interface ApiDependencies {
  readonly db: DbPool;
  /** Wakes waiting requests when the ledger grows; one connection for the whole process. */
  readonly watch: LedgerWatch;
  /** Reads everything, creates staged bytes and ends of permits. */
  readonly store: ObjectStore;
  readonly temporal: Temporal;
  readonly flows: Flows;
  /** Has new plans made for cards that somebody reads. */
  readonly looks: PlanLooks;
  readonly permits: PermitDependencies;
  readonly charters: Charters;
  readonly policies: PolicyCatalog;
  readonly infra: InfraSource;
  readonly principals: PrincipalCache;
  /** Signs that the api authenticated the approver of a statement. */
  readonly statementKey: SigningKey;
  /** The public keys of LAB 256: permits and statements. */
  readonly jwks: Jwks;
  /** All public keys that a verifier of evidence needs: those of LAB 256 and of its Runners. */
  readonly servedJwks: Jwks;
  readonly urls: Urls;
  resolveRelyingParty(): RelyingParty;
  readonly stagedMaxBytes: number;
  readonly limits: AdmissionLimits;
  readonly log: Logger;
  now(): number;
}
