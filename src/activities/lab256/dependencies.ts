import type { Db } from "../../database/database.js";
import type { Jwks, SigningKey } from "../../domain/signature.js";
import type { StatementVerification } from "../../identity/statement-verification.js";
import type { PolicyCatalog } from "../../permits/policy-catalog.js";
import type { ObjectStore } from "../../storage/ports.js";

/** What the steps of LAB 256 need. */
export interface Lab256Dependencies {
  readonly db: Db;
  /** Reads everything, creates claims. */
  readonly store: ObjectStore;
  readonly policies: PolicyCatalog;
  readonly permitKey: SigningKey;
  /** The Runners' public keys, by which receipts are signed. */
  readonly receiptKeys: Jwks;
  readonly statements: Pick<StatementVerification, "jwks" | "rp">;
  now(): number;
  /** Told when a step is complete, before its result is reported. */
  onStep?(name: string): void;
}
