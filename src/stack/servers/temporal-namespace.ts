import { Connection, type ConnectionOptions, isGrpcServiceError } from "@temporalio/client";
import proto from "@temporalio/proto";
import { poll } from "../poll.js";

/** The names of search attributes and the types by which Temporal indexes them. */
export type SearchAttributeTypes = Readonly<Record<string, "Text" | "Keyword" | "Int" | "Double" | "Bool" | "Datetime" | "KeywordList">>;

const indexed = proto.temporal.api.enums.v1.IndexedValueType;
const indexedTypes = {
  Text: indexed.INDEXED_VALUE_TYPE_TEXT,
  Keyword: indexed.INDEXED_VALUE_TYPE_KEYWORD,
  Int: indexed.INDEXED_VALUE_TYPE_INT,
  Double: indexed.INDEXED_VALUE_TYPE_DOUBLE,
  Bool: indexed.INDEXED_VALUE_TYPE_BOOL,
  Datetime: indexed.INDEXED_VALUE_TYPE_DATETIME,
  KeywordList: indexed.INDEXED_VALUE_TYPE_KEYWORD_LIST,
} as const;

const grpcAlreadyExists = 6;
const visibilityTimeoutMs = 30_000;

/**
 * Ensures that a namespace has these search attributes, and returns when the server lists them all. Throws if an attribute exists with
 * another type, because its type cannot be changed in place.
 */
export async function registerSearchAttributes(address: string, namespace: string, wanted: SearchAttributeTypes): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await addMissingAttributes(connection, namespace, wanted);
  } finally {
    await connection.close();
  }
}

const secondsPerDay = 86_400;

/**
 * Creates a namespace with these search attributes, keeping an existing one, and waits until both are usable. Temporal deletes closed
 * workflows after `retentionDays`.
 */
export async function ensureNamespace(
  access: string | Pick<ConnectionOptions, "address" | "tls" | "apiKey">,
  namespace: string,
  wanted: SearchAttributeTypes,
  retentionDays = 1,
): Promise<void> {
  const connection = await Connection.connect(typeof access === "string" ? { address: access } : access);
  try {
    await connection.workflowService
      .registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: retentionDays * secondsPerDay } as never })
      .catch((error: unknown) => {
        if (!isGrpcServiceError(error) || error.code !== grpcAlreadyExists) throw error;
      });
    const known = await poll(
      () =>
        connection.workflowService.describeNamespace({ namespace }).then(
          () => true as const,
          (error: unknown) => (isGrpcServiceError(error) ? undefined : Promise.reject(error)),
        ),
      { timeoutMs: visibilityTimeoutMs, everyMs: 100 },
    );
    if (!known) throw new Error(`Temporal does not list the new namespace ${namespace}; check its log`);
    await addMissingAttributes(connection, namespace, wanted);
  } finally {
    await connection.close();
  }
}

async function addMissingAttributes(connection: Connection, namespace: string, wanted: SearchAttributeTypes): Promise<void> {
  const entries = Object.entries(wanted);
  if (entries.length === 0) return;
  const present = await listAttributes(connection, namespace);
  for (const [name, type] of entries) {
    const found = present[name];
    if (found !== undefined && found !== indexedTypes[type]) {
      throw new Error(`the search attribute ${name} of ${namespace} is not of type ${type}; start with --reset`);
    }
  }
  const missing = entries.filter(([name]) => present[name] === undefined);
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, indexedTypes[type]])),
  });
  const done = await poll(
    async () => {
      const now = await listAttributes(connection, namespace);
      return entries.every(([name]) => now[name] !== undefined) ? true : undefined;
    },
    { timeoutMs: visibilityTimeoutMs, everyMs: 100 },
  );
  if (!done) throw new Error(`Temporal does not list the new search attributes of ${namespace}; check its log`);
}

async function listAttributes(connection: Connection, namespace: string): Promise<Record<string, number>> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return customAttributes;
}
