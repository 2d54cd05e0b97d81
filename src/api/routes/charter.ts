import { z } from "zod";
import type { NewestCharter } from "../../decision/charter/newest-charter.js";
import { POLICY_MAX_BYTES, PolicyBytesError, readPolicyData } from "../../decision/policy/bytes.js";
import { publicJwkSchema } from "../../domain/bytes/jwks.js";
import { charterEntrySchema } from "../../domain/charter/entry.js";
import { operatorSchema } from "../../domain/charter/founding.js";
import { recoveryRequestSchema } from "../../domain/charter/recovery-request.js";
import { blake3Schema, tenantIdSchema } from "../../domain/ids.js";
import { toCharterKey, toPolicyBytesKey, toStagingKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { ApiDependencies } from "../dependencies.js";
import { CHARTER_ENTRY_EXAMPLE, RECOVERY_REQUEST_EXAMPLE } from "../http/examples.js";
import { buildDenialProblem, refuseNotFound } from "../http/problem.js";
import { answerPage, pageQuery, tenantQuery } from "../http/queries.js";
import { answerCreated, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

/** Below Temporal's limit of 2 MiB for one payload. */
const ENTRY_MAX_BYTES = 1_500_000;
/** An entry can found a tenant with thousands of persons. */
const ENTRY_MAX_VALUES = 200_000;

const charterSchema = z.object({
  tenant_id: tenantIdSchema,
  founding_jwk: publicJwkSchema,
  /** The operator, whose keys count for the uses of which the charter names none, or did. Null if it always named its own. */
  operator: operatorSchema.nullable(),
  version: z.int(),
  entry_hash: blake3Schema,
  state_hash: blake3Schema,
  policy_hash: blake3Schema,
  sealed: z.boolean(),
  /** The newest entry about recovery, and the change that waits for the delay of the recovery keys. */
  recovery: z
    .object({
      version: z.int(),
      entry_hash: blake3Schema,
      waiting: z.object({ version: z.int(), jobType: z.string(), announced_at_ms: z.int(), completable_at_ms: z.int() }).nullable(),
    })
    .nullable(),
});

/** Whose charter to read. */
const charterQuery = { charter: z.literal("operator", "Write `operator`, or omit it.").optional() };
const OPERATOR_DETAIL =
  "With `charter=operator`, it is of the operator's charter, if keys of that charter count for the tenant or did; otherwise it is not found.";

/** The tenant's charter, which every member may read and verify, and the operator's if the tenant rests on its keys. Source: contracts "Charter". */
export function buildCharterRoutes({ charters, store, flows }: ApiDependencies): readonly Route[] {
  const findCharter = async (tenantId: string, of: "operator" | undefined): Promise<string | undefined> => {
    if (of === undefined) return tenantId;
    const newest = await charters.readNewest(tenantId);
    return newest.ok && newest.value.borrowsKeys ? charters.operator.tenant_id : undefined;
  };
  return groupRoutes("charter", [
    defineMemberRoute("GET", "/v1/charter", {
      tenant: "query",
      summary: "Read the newest version of the tenant's charter",
      detail: "The registry walked the charter from `founding_jwk` and checked every entry. Compare that key with one that you kept.",
      input: { query: tenantQuery },
      answers: { 200: { text: "The version, and what it makes active", schema: charterSchema } },
      problems: ["charter_invalid", "tenant_unknown"],
      async handle({ principal: { tenant_id } }) {
        const newest = await charters.readNewest(tenant_id);
        if (!newest.ok) return buildDenialProblem(newest.denial);
        const { borrowsKeys, versions: _, ...shown } = newest.value;
        return answerOk({ tenant_id, ...shown, operator: borrowsKeys ? charters.operator : null, recovery: describePoint(newest.value) });
      },
    }),
    defineMemberRoute("POST", "/v1/charter/entries", {
      tenant: "body",
      load: "wait",
      summary: "Append an entry to the tenant's charter",
      detail:
        "The body is the next entry, signed by the tenant's founding key. A Runner checks it in full against the charter. Of several entries of one version one is appended, and the others are denied with `charter_changed`. Appending an entry again is a success. If no Runner answers in time, the entry waits: send it again for the result. Tokens of disabled actors and removed offices are refused from then on.",
      input: { body: charterEntrySchema },
      example: CHARTER_ENTRY_EXAMPLE,
      bodyMaxBytes: ENTRY_MAX_BYTES,
      bodyMaxValues: ENTRY_MAX_VALUES,
      answers: { 201: { text: "The charter has the entry", schema: z.object({ version: z.int(), entry_hash: blake3Schema }) } },
      problems: ["charter_invalid", "charter_changed", "tenant_unknown"],
      async handle({ body }) {
        const appended = await flows.appendCharterEntry(body);
        return appended.ok ? answerCreated(appended.value) : buildDenialProblem(appended.denial);
      },
    }),
    defineMemberRoute("POST", "/v1/charter/recovery", {
      tenant: "body",
      load: "wait",
      summary: "Announce a change by recovery keys, or make one whose delay has passed",
      detail:
        "`announce` carries the signatures of at least `threshold` recovery keys, over everything else but `kind`. `after` is `recovery.entry_hash` of `GET /v1/charter`. `complete` names the version that announced the change. A Runner checks it in full against the charter, adds the time at which it saw the request, and signs the entry. A repeated request is a success until the next entry about recovery. An announcement ends when the recovery keys are stated again (`registry.keys.rotate`) or something else is announced.",
      input: { body: recoveryRequestSchema },
      example: RECOVERY_REQUEST_EXAMPLE,
      bodyMaxBytes: ENTRY_MAX_BYTES,
      bodyMaxValues: ENTRY_MAX_VALUES,
      answers: { 201: { text: "The charter has the entry", schema: z.object({ version: z.int(), entry_hash: blake3Schema }) } },
      problems: ["charter_invalid", "charter_changed", "charter_unreachable", "tenant_unknown"],
      async handle({ body }) {
        const appended = await flows.appendCharterEntry(body);
        return appended.ok ? answerCreated(appended.value) : buildDenialProblem(appended.denial);
      },
    }),
    defineMemberRoute("GET", "/v1/policies/:policy_hash", {
      tenant: "query",
      summary: "Read one of the tenant's policies: the active one, an earlier one, or a staged one",
      detail: `\`wasm\` is the policy's bytes in base64. \`policy_hash\` is their BLAKE3: check it. Staged bytes that are no policy are not found. ${OPERATOR_DETAIL}`,
      input: { params: z.strictObject({ policy_hash: blake3Schema }), query: tenantQuery.extend(charterQuery) },
      answers: { 200: { text: "The policy", schema: z.object({ policy_hash: blake3Schema, wasm: z.base64() }) } },
      problems: ["not_found"],
      async handle({ params: { policy_hash }, query, principal: { tenant_id } }) {
        const owner = await findCharter(tenant_id, query.charter);
        const published = owner === undefined ? undefined : await store.blobs.get(toPolicyBytesKey(owner, policy_hash));
        const bytes = published ?? (owner === tenant_id ? await readStagedPolicy(store, tenant_id, policy_hash) : undefined);
        if (bytes === undefined) return refuseNotFound("This policy");
        return answerOk({ policy_hash, wasm: Buffer.from(bytes).toString("base64") });
      },
    }),
    defineMemberRoute("GET", "/v1/charter/entries", {
      tenant: "query",
      summary: "List the entries of the tenant's charter, the oldest first",
      detail: `A \`Link\` header with rel="next" leads to the next page. \`after\` is the version of the last known entry. The hash of an entry is BLAKE3 of its canonical JSON (RFC 8785). ${OPERATOR_DETAIL}`,
      input: { query: pageQuery.extend(charterQuery) },
      answers: { 200: { text: "The entries as they are stored", schema: z.array(charterEntrySchema) } },
      problems: ["not_found"],
      async handle(call) {
        const { limit, after = 0, charter } = call.query;
        const owner = await findCharter(call.principal.tenant_id, charter);
        if (owner === undefined) return refuseNotFound("This charter");
        const entries: unknown[] = [];
        for (let version = after + 1; entries.length <= limit; version += 1) {
          const bytes = await store.blobs.get(toCharterKey(owner, version));
          if (bytes === undefined) return answerPage(call, entries, null);
          entries.push(JSON.parse(Buffer.from(bytes).toString("utf8")));
        }
        return answerPage(call, entries.slice(0, limit), after + limit);
      },
    }),
  ]);
}

/** The change itself is in the entry that announced it. */
function describePoint({ recovery }: NewestCharter): z.infer<typeof charterSchema>["recovery"] {
  if (recovery === null || recovery.waiting === null) return recovery === null ? null : { ...recovery, waiting: null };
  const { change, ...waiting } = recovery.waiting;
  return { ...recovery, waiting: { ...waiting, jobType: change.jobType } };
}

/** Reads a staged policy, which approvers compare with the active one. Members must not read other staged bytes, such as pushed commits. */
async function readStagedPolicy({ blobs }: ObjectStore, tenantId: string, policyHash: string): Promise<Uint8Array | undefined> {
  const key = toStagingKey(tenantId, policyHash);
  const found = await blobs.stat(key);
  if (found === undefined || found.sizeBytes > POLICY_MAX_BYTES) return undefined;
  const bytes = await blobs.get(key);
  return bytes !== undefined && isPolicy(bytes) ? bytes : undefined;
}

function isPolicy(bytes: Uint8Array): boolean {
  try {
    readPolicyData(bytes);
    return true;
  } catch (error) {
    if (error instanceof PolicyBytesError) return false;
    throw error;
  }
}
