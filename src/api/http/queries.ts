import { z } from "zod";
import { FLOW_STATUSES } from "../../domain/card/flow-status.js";
import { jtiSchema, projectIdSchema, tenantIdSchema } from "../../domain/ids.js";
import { PAGE_ROWS_MAX } from "../../lab256/ledger/queries/page.js";
import { answerOk, type JsonAnswer } from "./route.js";

const LIMIT_DEFAULT = 50;

/** The longest wait of one request, in milliseconds. */
const WAIT_MAX_MS = 30_000;

const buildWholeNumberSchema = (text: string) =>
  z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,15})$/, text)
    .transform(Number);

/** The tenant of a query; another tenant than the caller's is 404. */
export const tenantQuery = z.strictObject({ tenant_id: tenantIdSchema });

const limitSchema = buildWholeNumberSchema(`Write a number from 1 to ${PAGE_ROWS_MAX}.`)
  .refine((limit) => limit >= 1 && limit <= PAGE_ROWS_MAX, `Write a number from 1 to ${PAGE_ROWS_MAX}.`)
  .default(LIMIT_DEFAULT);

/** A cursor: the `after` of a `Link` header with rel="next". */
const afterSchema = buildWholeNumberSchema('Take the cursor from the `Link` header with rel="next".').optional();

export const statusSchema = z.enum(FLOW_STATUSES, `Write one of ${FLOW_STATUSES.join(", ")}.`);

export const pageQuery = tenantQuery.extend({ limit: limitSchema, after: afterSchema });

/** A page of cards or commands. */
export const actsQuery = pageQuery.extend({ status: statusSchema.optional(), project_id: projectIdSchema.optional() });

/** A page of a list ordered by name; `after` is a name. */
export const buildNamedPageQuery = <T extends z.ZodType>(name: T) => tenantQuery.extend({ limit: limitSchema, after: name.optional() });

export const waitSchema = buildWholeNumberSchema(`Write milliseconds from 0 to ${WAIT_MAX_MS}.`)
  .refine((ms) => ms <= WAIT_MAX_MS, `Write milliseconds from 0 to ${WAIT_MAX_MS}.`)
  .default(0);

export const jtiParams = z.strictObject({ jti: jtiSchema });

interface ListCall {
  readonly url: string;
  readonly query: Readonly<Record<string, string | number | undefined>>;
}

/** Answers with a page of a list, and with the address of the next one if there is one (RFC 8288). */
export function answerPage({ url, query }: ListCall, items: readonly unknown[], next: number | string | null): JsonAnswer {
  if (next === null) return answerOk(items);
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, after: next })) if (value !== undefined) search.set(name, String(value));
  return answerOk(items, { link: `<${url}?${search}>; rel="next"` });
}
