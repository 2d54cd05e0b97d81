import type { ColumnType, Generated } from "kysely";
import type { PublicJwk } from "../../../domain/bytes/signature.js";
import type { Target } from "../../../domain/ids.js";

/** A `timestamptz` column, read and written as a Date. */
type Time = ColumnType<Date, Date | undefined, Date>;
type OptionalTime = ColumnType<Date | null, Date | null | undefined, Date | null>;

/** How a tenant's commands reach its runners. Source: contracts "Permit, command, claim, receipt". */
export const TRANSPORTS = ["temporal", "pull"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Everyone known to the registry. Source: ADR-002 §9, contracts "Vocabulary". */
export interface IdentityTables {
  tenants: {
    tenant_id: string;
    transport: Generated<Transport>;
    created_at: Time;
  };
  /** A human being, who can have actors in several tenants. Passkeys belong to the person. */
  persons: {
    person_id: string;
  };
  /** `email` is stored in the form that `normalizeEmail` returns. Only an address with `verified_at` identifies a person. */
  person_emails: {
    person_id: string;
    email: string;
    verified_at: OptionalTime;
  };
  actors: {
    tenant_id: string;
    actor_id: string;
    person_id: string | null;
    display_name: string;
    disabled_at: OptionalTime;
  };
  memberships: {
    tenant_id: string;
    actor_id: string;
    office_id: string;
    roles: string[];
    /** The office is held before this time. */
    until_at: OptionalTime;
  };
  /** From where the processes that hold the key `kid` resume their walk along a charter. A cache that the key signed; nothing else is believed. */
  charter_points: {
    tenant_id: string;
    kid: string;
    point: Buffer;
  };
  /** A bearer token, stored only as its BLAKE3. `last_used_at` is at most an hour behind. */
  tokens: {
    token_hash: string;
    token_id: string;
    tenant_id: string;
    actor_id: string;
    name: string;
    created_at: Time;
    expires_at: OptionalTime;
    revoked_at: OptionalTime;
    last_used_at: OptionalTime;
    runner_target: Target | null;
  };
  /**
   * A tenant's record of a WebAuthn credential: `credential_id` in base64url, `public_key` as a COSE key, `counter` as in the last assertion
   * that the tenant accepted. Tenants are independent: two that name the same credential have a record each.
   */
  passkeys: {
    tenant_id: string;
    credential_id: string;
    person_id: string;
    public_key: Buffer;
    counter: number;
    transports: string[];
    created_at: Time;
    name: string;
    disabled_at: OptionalTime;
    /** The relying party and, in base64url, the client data and the attestation object of the registration; null for early passkeys. */
    relying_party: string | null;
    client_data_json: string | null;
    attestation_object: string | null;
    /** Whether the tenant's charter names it, so that it counts. */
    in_charter: Generated<boolean>;
  };
  passkey_challenges: {
    challenge: string;
    person_id: string;
    purpose: "registration";
    expires_at: ColumnType<Date, Date, Date>;
    used_at: OptionalTime;
  };
  /** The accepted assertions. Verifying the same one again is a retry, not a replay. */
  step_ups: {
    tenant_id: string;
    assertion_hash: string;
    credential_id: string;
    counter: number;
    statement_digest: string;
    accepted_at: Time;
  };
  runner_keys: {
    tenant_id: string;
    target: Target;
    kid: string;
    jwk: ColumnType<PublicJwk, string, string>;
    added_at: Time;
    revoked_at: OptionalTime;
  };
}
