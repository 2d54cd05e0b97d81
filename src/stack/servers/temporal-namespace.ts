import { Connection, type ConnectionOptions, isGrpcServiceError } from "@temporalio/client";
import proto from "@temporalio/proto";
import { SEARCH_ATTRIBUTES } from "../../workflows/search-attributes.js";
import { poll } from "../poll.js";

/** The names of the search attributes that the flows need. Temporal indexes each as a keyword. */
export const searchAttributeNames: readonly string[] = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);

const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
const grpcAlreadyExists = 6;
const visibilityTimeoutMs = 30_000;

/**
 * Ensures that a namespace has these search attributes, and returns when the server lists them all. Throws if an attribute exists with
 * another type, because its type cannot be changed in place.
 */
export async function registerSearchAttributes(address: string, namespace: string, wanted: readonly string[]): Promise<void> {
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
  access: Pick<ConnectionOptions, "address" | "tls" | "apiKey">,
  namespace: string,
  wanted: readonly string[],
  retentionDays = 1,
): Promise<void> {
  const connection = await Connection.connect(access);
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

async function addMissingAttributes(connection: Connection, namespace: string, wanted: readonly string[]): Promise<void> {
  if (wanted.length === 0) return;
  const present = await listAttributes(connection, namespace);
  for (const name of wanted) {
    if (present[name] !== undefined && present[name] !== keyword) {
      throw new Error(`the search attribute ${name} of ${namespace} is not of type Keyword; start with --reset`);
    }
  }
  const missing = wanted.filter((name) => present[name] === undefined);
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
  });
  const done = await poll(
    async () => {
      const now = await listAttributes(connection, namespace);
      return wanted.every((name) => now[name] !== undefined) ? true : undefined;
    },
    { timeoutMs: visibilityTimeoutMs, everyMs: 100 },
  );
  if (!done) throw new Error(`Temporal does not list the new search attributes of ${namespace}; check its log`);
}

async function listAttributes(connection: Connection, namespace: string): Promise<Record<string, number>> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return customAttributes;
}
