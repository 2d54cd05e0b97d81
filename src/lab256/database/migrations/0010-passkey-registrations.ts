import { sql } from "kysely";

const REGISTRATIONS = sql`
alter table passkeys
  add column relying_party text, add column client_data_json text, add column attestation_object text`;

/** Keeps how a passkey was registered, so that a charter can record it. Empty for passkeys that were registered earlier. */
export const passkeyRegistrationsMigration = [REGISTRATIONS];
