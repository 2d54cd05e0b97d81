import type { Jwks, PublicJwk } from "../../domain/bytes/signature.js";
import type { KeyUse } from "../../domain/charter/keys.js";
import { type CharterVersions, pickOperatorVersion } from "../../domain/charter/versions.js";
import type { KeyHistory, SigningUse } from "./key-history.js";

/** The keys of the operator's charter up to a version. */
export interface OperatorKeys {
  readonly version: number;
  readonly keys: KeyHistory;
}

/** What other tenants' charters take from the operator's. */
export interface OperatorCharter extends OperatorKeys {
  /** The uses for which it names a key. It keeps one for each of them. */
  readonly uses: ReadonlySet<KeyUse>;
  /** The hashes of the rules of policies that it lists. A listed one stays listed. */
  readonly policyCodes: ReadonlySet<string>;
}

/**
 * The keys that count for a tenant in one version of its charter: its own, and the operator's for the uses of which it names none. A charter
 * without `operator` uses its own keys alone. Source: contracts "Charter".
 */
export class PlaneKeys {
  /** The versions that an object names which is signed now. */
  readonly versions: CharterVersions;

  constructor(
    private readonly own: KeyHistory,
    charter_version: number,
    private readonly operator: OperatorKeys | undefined,
  ) {
    this.versions = {
      charter_version,
      ...pickOperatorVersion(this.#restsOnOperator(charter_version) ? { operator_version: operator?.version } : {}),
    };
  }

  /** Whether keys of the operator's charter count, or counted in an earlier version. */
  get borrowsKeys(): boolean {
    return this.operator !== undefined;
  }

  /** Lists the keys that are valid now. */
  list(use: SigningUse): Jwks {
    return { keys: this.#listAt(use, this.versions) };
  }

  /** Lists the keys that are valid now or ever were. */
  listKnown(use: SigningUse): Jwks {
    const { own, operator, versions } = this;
    const borrowed = operator !== undefined && own.everLacked(use, versions.charter_version) ? operator : undefined;
    return { keys: [...own.listUntil(use, versions.charter_version), ...(borrowed?.keys.listUntil(use, borrowed.version) ?? [])] };
  }

  /**
   * Finds a key that is valid in the versions that a signed object names. Undefined if they are not known here, and if `operator_version` is absent
   * where it is needed, or present where it is not.
   */
  findAt(kid: string, use: SigningUse, { charter_version, operator_version }: CharterVersions): PublicJwk | undefined {
    if (charter_version > this.versions.charter_version || !this.#isComplete({ charter_version, operator_version })) return undefined;
    return this.#listAt(use, { charter_version, operator_version }).find((jwk) => jwk.kid === kid);
  }

  #isComplete({ charter_version, operator_version }: CharterVersions): boolean {
    if (!this.#restsOnOperator(charter_version)) return operator_version === undefined;
    return operator_version !== undefined && this.operator !== undefined && operator_version <= this.operator.version;
  }

  #restsOnOperator(version: number): boolean {
    return this.operator !== undefined && this.own.lacksAny(version);
  }

  #listAt(use: SigningUse, { charter_version, operator_version }: CharterVersions): readonly PublicJwk[] {
    const own = this.own.listAt(use, charter_version);
    if (own.length > 0 || operator_version === undefined) return own;
    return this.operator?.keys.listAt(use, operator_version) ?? [];
  }
}
