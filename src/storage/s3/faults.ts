import { S3Error } from "minio";
import { StorageFault, type StorageFaultCode } from "../ports.js";
import type { Exchange } from "./transport.js";

export type Intent = "read" | "write";

/** A read can be repeated safely. A 409 to a write means that another one was in progress and this one was not carried out. */
export function isRepeatable(intent: Intent, status: number | undefined): boolean {
  return intent === "read" ? status === undefined || isServerTrouble(status) : status === 409;
}

/** Returns the S3 code of an error response, such as `NoSuchBucket`. The client does not report it if the response has no body. */
export function toErrorCode({ answer }: Exchange, cause: unknown): string {
  const header = answer?.headers["x-minio-error-code"];
  return typeof header === "string" ? header.replaceAll('"', "") : cause instanceof S3Error ? (cause.code ?? "") : "";
}

/** Builds the fault for an exchange that failed in a way that its operation does not expect. */
export function toFault(intent: Intent, key: string, bucket: string, endpoint: string, exchange: Exchange, cause: unknown): StorageFault {
  const { refusedStatus: status, isSent } = exchange;
  const code = toErrorCode(exchange, cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  const reason = status === undefined ? message : `the object store responded with ${status} ${code} ${message}`.trim();
  const build = (faultCode: StorageFaultCode, text: string) => new StorageFault(faultCode, key, text, cause);
  if (intent === "write" && isSent && (status === undefined || isServerTrouble(status)))
    return build("outcome_unknown", `Whether ${key} was written is unknown (${reason}): read it back.`);
  if (status === undefined)
    return build(
      "unavailable",
      `The object store at ${endpoint} does not respond (${reason}): check that it runs and is reachable from here.`,
    );
  if (isServerTrouble(status)) return build("unavailable", `${key} cannot be read now (${reason}): try again when the store works again.`);
  if (status === 409) return build("unavailable", `${key} was not written because of too many concurrent writes (${reason}): try again.`);
  if (code === "NoSuchBucket") return build("misconfigured", `The bucket ${bucket} does not exist: create the spaces first.`);
  const [faultCode, refusal, advice] =
    status === 401 || status === 403
      ? (["denied", "refuses", "check the credentials and what their policy allows"] as const)
      : (["misconfigured", "does not accept", "check endpoint, region and clock"] as const);
  return build(faultCode, `The object store ${refusal} the ${intent} of ${key} (${reason}): ${advice}.`);
}

/** A server that is overloaded or broken may still have carried out the write that it did not answer properly. */
function isServerTrouble(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}
