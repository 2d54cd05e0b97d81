import { z } from "zod";
import { BLAKE3_HEX } from "./bytes/hash.js";

const PROJECT = /^P\.[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.|$))*$/;

/** `T.UBL`: `T.`, a letter, then up to 62 letters, digits, `_` or `-`. */
export const tenantIdSchema = z
  .string()
  .regex(
    /^T\.[A-Za-z][A-Za-z0-9_-]{0,62}$/,
    "Write a tenant id such as `T.UBL`: `T.`, a letter, then letters, digits, `_` or `-` (at most 65).",
  );

/** `P.demo`: `P.`, then letters, digits, `_`, `-` and single dots; never ends in `.git` or `.lock`. */
export const projectIdSchema = z
  .string()
  .max(66, "A project id may have at most 66 characters.")
  .regex(PROJECT, "Write a project id such as `P.demo`: `P.`, then letters, digits, `_`, `-` and single dots.")
  .refine((id) => !/\.(git|lock)$/i.test(id), "A project id must not end in `.git` or `.lock`, which git uses itself.");

/** Stands for the project of an act that concerns none. Source: contracts "Levels". */
export const NO_PROJECT = "_";
/** The project of an act. */
export const actProjectIdSchema = z.union([projectIdSchema, z.literal(NO_PROJECT)]);

export const ACTOR_KINDS = ["person", "agent", "app"] as const;
export type ActorKind = (typeof ACTOR_KINDS)[number];

/** `ubl:sid:person:admin`: a person, an agent, or an app (a service). */
export const actorIdSchema = z
  .string()
  .regex(
    /^ubl:sid:(?:person|agent|app):[A-Za-z0-9][A-Za-z0-9._@-]{0,94}$/,
    "Write an actor id such as `ubl:sid:person:admin`, `ubl:sid:app:ci` or `ubl:sid:agent:x`.",
  );

/** Returns the kind that an actor id states. */
export function parseActorKind(actorId: string): ActorKind {
  const kind = ACTOR_KINDS.find((k) => k === actorId.split(":")[2]);
  if (kind === undefined) throw new TypeError(`${actorId} is not an actor id; parse it with actorIdSchema first.`);
  return kind;
}

/** `office::default` or `office:infra.deployer`. */
export const officeIdSchema = z
  .string()
  .regex(/^office::?[a-z][a-z0-9._-]{0,62}$/, "Write an office id such as `office::default` or `office:infra.deployer`.");

/** `k-<id>`: 1 to 64 letters, digits, `_` or `-` after `k-`. */
export const cardIdSchema = z
  .string()
  .regex(/^k-[A-Za-z0-9_-]{1,64}$/, "Write a card id such as `k-01h8x`: `k-` and 1 to 64 letters, digits, `_` or `-`.");

/** The caller's own id of a job, unique per tenant. */
export const jobIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, "Write 1 to 128 letters, digits, `.`, `_`, `:` or `-`, starting with a letter or digit.");

/** A UUID in lower case (RFC 9562). */
export const jtiSchema = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, "Write a UUID in lower case (RFC 9562).");

export const blake3Schema = z.string().regex(BLAKE3_HEX, "Write a BLAKE3-256 digest: 64 lower-case hexadecimal digits.");

/** The planes that run jobs; a wildcard is not a target. Source: contracts "Vocabulary". */
export const TARGETS = ["LAB_512", "LAB_256", "LAB_8GB"] as const;
export type Target = (typeof TARGETS)[number];
export const targetSchema = z.enum(TARGETS, "Write one of `LAB_512`, `LAB_256`, `LAB_8GB`; a wildcard is not a target.");

/** Milliseconds since 1970-01-01T00:00:00Z. */
export const timeMsSchema = z.int("Write a whole number of milliseconds since 1970.").nonnegative();
