import { stat } from "node:fs/promises";
import type { RegistrationResponseJSON } from "@simplewebauthn/server";
import type { z } from "zod";
import type { MayBreakGlass } from "../../domain/act/break-glass.js";
import { pactEnvelopeSchema } from "../../domain/act/pact.js";
import { jwksSchema } from "../../domain/bytes/jwks.js";
import type { FlowStatus } from "../../domain/card/flow-status.js";
import type { Assertion, Statement, StatementDecision } from "../../domain/card/statement.js";
import type { CharterEntry } from "../../domain/charter/entry.js";
import type { RecoveryRequest } from "../../domain/charter/recovery-request.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import { receiptSchema } from "../../domain/permit/receipt.js";
import * as answers from "../answers.js";
import { askRegistry, type Connection, createJsonRequests, type RegistryRequest } from "./http.js";
import { Listing } from "./paging.js";

/** A permit request, without the caller's tenant and actor (ADR-002 §10). */
export interface PermitAsk {
  readonly office_id?: string;
  readonly intent: string;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly jobType: string;
  readonly params: object;
  readonly target: string;
  readonly approval_ref?: string;
  readonly risk?: string;
}

/** The command of a permit (ADR-002 §8); the registry refuses it where it says something else than the permit. */
export interface CommandAsk extends Omit<CommandEnvelope, "jobType" | "params" | "target"> {
  readonly jobType: string;
  readonly params: object;
  readonly target: string;
}

/** A card to open; its grammar is in `src/domain/card/`. */
export interface CardAsk extends Omit<PermitAsk, "approval_ref" | "office_id">, MayBreakGlass {
  readonly office_id: string;
  readonly jobId?: string;
  readonly run?: "on_approval" | "on_command";
}

interface ActQuery {
  readonly status?: string | undefined;
  readonly project_id?: string | undefined;
}

export type RegistryClient = ReturnType<typeof createRegistryClient>;

/** The caller of a client. */
export interface ClientIdentity {
  readonly tenant_id: string;
  /** Only permit requests need it. */
  readonly actor_id: string;
}

/**
 * Creates one function for each route of the api. A refusal is a value; a list throws it. Every function throws a RegistryFault if the registry is
 * unreachable or its answer is not a registry's. Source: ADR-002 §10.
 */
export function createRegistryClient(connection: Connection, { tenant_id, actor_id }: ClientIdentity) {
  const { get, post } = createJsonRequests(connection);
  const segment = encodeURIComponent;
  const list = <T>(path: string, schema: z.ZodType<T[]>, query: RegistryRequest["query"] = {}) =>
    new Listing(connection, path, { tenant_id, ...query }, schema);
  return {
    connection,
    tenant_id,
    actor_id,
    requestPermit: (wanted: PermitAsk) =>
      post("/v1/policy/permit", { tenant_id, actor_id, context: {}, ...wanted }, answers.directPermitSchema),
    issueCommand: (command: CommandAsk) => post("/v1/commands/issue", command, answers.issuedSchema),
    readCommand: (jti: string, waitMs?: number) =>
      get(`/v1/commands/${segment(jti)}`, answers.commandSchema, { tenant_id, wait_ms: waitMs }),
    readReceipt: (jti: string) => get(`/v1/receipts/${segment(jti)}`, receiptSchema, { tenant_id }),
    /** Reads the Pact of a merge; offline/pact.ts verifies it. */
    readPact: (jti: string) => get(`/v1/receipts/${segment(jti)}/pact`, pactEnvelopeSchema, { tenant_id }),
    listCommands: (query: ActQuery = {}) => list("/v1/commands", answers.commandsSchema, { ...query }),
    readPermitState: (jti: string) => get(`/v1/permits/${segment(jti)}`, answers.permitStateSchema, { tenant_id }),
    revokePermit: (jti: string, reason: string) => post(`/v1/permits/${segment(jti)}/revoke`, { tenant_id, reason }, answers.endedSchema),
    /** Returns what a card of this act would show, and opens none. */
    planCard: (wanted: Omit<CardAsk, "intent" | "context" | "jobId" | "run">) =>
      post("/v1/plans", { tenant_id, ...wanted }, answers.previewSchema),
    openCard: (wanted: CardAsk) => post("/v1/cards", { tenant_id, ...wanted }, answers.cardSchema),
    listCards: (query: ActQuery = {}) => list("/v1/cards", answers.cardsSchema, { ...query }),
    readCard: (cardId: string, wait: { wait_ms?: number; not_status?: FlowStatus } = {}) =>
      get(`/v1/cards/${segment(cardId)}`, answers.cardSchema, { tenant_id, ...wait }),
    prepareStatement: (cardId: string, decision: StatementDecision, office_id: string) =>
      post(`/v1/cards/${segment(cardId)}/statements/prepare`, { tenant_id, decision, office_id }, answers.preparedSchema),
    submitStatement: (statement: Statement, assertion?: Assertion) =>
      post(`/v1/cards/${segment(statement.card_id)}/statements`, { statement, assertion }, answers.verdictSchema),
    attest: (cardId: string, attestation: unknown) =>
      post(`/v1/cards/${segment(cardId)}/attestations`, { tenant_id, attestation }, answers.verdictSchema),
    listProjects: () => list("/v1/query/registry/projects", answers.projectsSchema),
    readProject: (projectId: string) => get(`/v1/query/registry/project/${segment(projectId)}`, answers.projectDetailSchema, { tenant_id }),
    /** Lists a project's branches and tags by name. */
    listRefs: (projectId: string) => list(`/v1/projects/${segment(projectId)}/refs`, answers.refsSchema),
    /** Returns the id of a ref, such as `refs/heads/main`; undefined if the project has none of this name. @throws Refused */
    findRef: async (projectId: string, name: string): Promise<string | undefined> => {
      const [found] = await list(`/v1/projects/${segment(projectId)}/refs`, answers.refsSchema, { name }).read();
      return found?.object_id;
    },
    /** Reads a project's infra context, now or at a revision. */
    readInfraContext: (project_id: string, revision?: string) =>
      get("/v1/query/infra/context", answers.infraContextSchema, { tenant_id, project_id, revision }),
    /** Stages a file's bytes under their BLAKE3. Idempotent. */
    stageFile: async (blake3: string, path: string) => {
      const { size: sizeBytes } = await stat(path);
      const bytes = { path, sizeBytes };
      return askRegistry(connection, { method: "PUT", path: `/v1/staging/${blake3}`, query: { tenant_id }, bytes }, answers.anySchema);
    },
    listPasskeys: () => get("/v1/passkeys", answers.passkeysSchema),
    /** Lists the registered passkeys of another member's person. */
    listPasskeysOf: (actor_id: string) => get(`/v1/actors/${actor_id}/passkeys`, answers.passkeysSchema, { tenant_id }),
    requestPasskeyOptions: () => post("/v1/passkeys/registration/options", {}, answers.registrationOptionsSchema),
    /** `assertion`: an earlier passkey vouches for this one. */
    registerPasskey: (response: RegistrationResponseJSON, name: string, assertion?: Assertion) =>
      post("/v1/passkeys/registration", { name, response, assertion }, answers.registeredPasskeySchema),
    readCharter: () => get("/v1/charter", answers.charterSchema, { tenant_id }),
    /** Lists the entries of the tenant's charter, or of the operator's on whose keys it rests, oldest first. */
    listCharterEntries: (charter?: "operator") => list("/v1/charter/entries", answers.charterEntriesSchema, { charter }),
    readPolicy: (policy_hash: string, charter?: "operator") =>
      get(`/v1/policies/${policy_hash}`, answers.policySchema, { tenant_id, charter }),
    appendCharterEntry: (entry: CharterEntry) => post("/v1/charter/entries", entry, answers.appendedEntrySchema),
    sendRecoveryRequest: (request: RecoveryRequest) => post("/v1/charter/recovery", request, answers.appendedEntrySchema),
    verifyLedger: () => get("/v1/ledger/verify", answers.ledgerSchema, { tenant_id }),
    /** Lists the tenant's entries after the `seq` that `after` names, oldest first. */
    listLedgerEntries: () => list("/v1/ledger/entries", answers.ledgerEntriesSchema),
    readTenant: () => get("/v1/tenant", answers.tenantSchema, { tenant_id }),
    listOffices: () => list("/v1/offices", answers.officesSchema),
    listActors: (query: { office_id?: string | undefined } = {}) => list("/v1/actors", answers.actorsSchema, { ...query }),
    readPublicKeys: () => get("/v1/jwks.json", jwksSchema),
  };
}

/** Asks whose the token is. */
export function fetchWhoami(connection: Connection) {
  return askRegistry(connection, { method: "GET", path: "/v1/whoami" }, answers.whoamiSchema);
}
