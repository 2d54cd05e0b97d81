import { isGrpcServiceError, ServiceError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from "@temporalio/client";
import { ServerFailure } from "@temporalio/common";
import { LedgerBusy } from "../../lab256/ledger/append.js";
import { StorageFault } from "../../storage/ports.js";
import { buildProblem, type ProblemAnswer, refuseUnavailable } from "./problem.js";
import { InvalidRequest } from "./validation.js";

/** SQLSTATE classes of an outage: connection, resources, operator intervention. */
const POSTGRES_UNAVAILABLE = /^(?:08|53|57)[0-9A-Z]{3}$/;
const SOCKET_FAULTS = new Set(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "ETIMEDOUT", "EPIPE", "EHOSTUNREACH", "EAI_AGAIN"]);
/** Messages of errors without a code that `pg` throws when it cannot connect or loses its connection. */
const POSTGRES_LOST = /^(?:timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error)/;
/** gRPC codes of an outage: CANCELLED, DEADLINE_EXCEEDED, ABORTED, UNAVAILABLE. */
const GRPC_UNAVAILABLE = new Set([1, 4, 10, 14]);
/** gRPC codes of a flow that takes no more messages at present: RESOURCE_EXHAUSTED, FAILED_PRECONDITION. */
const GRPC_EXHAUSTED = new Set([8, 9]);

/** The answer to an exception. `isDefect` is true if only a change of the code can fix it. */
export interface FaultAnswer {
  readonly answer: ProblemAnswer;
  readonly isDefect: boolean;
}

/** Answers an exception: a client's mistake, an outage, or a defect, whose details only the log has. */
export function answerFault(error: unknown, requestId: string): FaultAnswer {
  const mistake = findClientMistake(error);
  if (mistake !== undefined) return { answer: mistake, isDefect: false };
  const down = findOutage(error);
  if (down !== undefined) return { answer: refuseUnavailable(down), isDefect: false };
  const answer = buildProblem("internal", "The registry failed on this request; nothing is known to be wrong with the request itself.", {
    next: `Tell the operator the request id ${requestId}.`,
  });
  return { answer, isDefect: true };
}

function findClientMistake(error: unknown): ProblemAnswer | undefined {
  if (error instanceof InvalidRequest) return buildProblem("invalid_request", error.message, { errors: error.problems });
  const { statusCode } = error as { statusCode?: unknown };
  if (typeof statusCode !== "number" || statusCode < 400 || statusCode > 499) return undefined;
  if (statusCode === 413)
    return buildProblem("too_large", "The body is larger than this route takes.", {
      next: "Stage large bytes with PUT /v1/staging/{blake3}.",
    });
  if (statusCode === 415)
    return buildProblem(
      "unsupported",
      "Send `Content-Type: application/json`; only PUT /v1/staging/{blake3} takes `application/octet-stream`.",
    );
  return buildProblem("invalid_request", `The request cannot be read: ${error instanceof Error ? error.message : "it is malformed"}.`);
}

/** Describes the outage in a sentence; undefined for any other exception. */
function findOutage(error: unknown): string | undefined {
  if (error instanceof LedgerBusy) return "Too much waits to be recorded.";
  if (error instanceof StorageFault) {
    if (error.code === "unavailable") return "The object store does not answer.";
    return error.code === "outcome_unknown" ? "The object store did not say whether it wrote; asking again is safe." : undefined;
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
    return "The flow did not answer in time; it may still do what was asked, so read its state.";
  // The worker that took the message ended before it looked at it.
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ServerFailure)
    return "The flow was handed to another worker before it looked at the message.";
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(grpc)) {
    if (GRPC_EXHAUSTED.has(grpc.code)) return "The flow takes no more messages at present.";
    return GRPC_UNAVAILABLE.has(grpc.code) ? "Temporal does not answer." : undefined;
  }
  const { code, message, errors } = error as { code?: unknown; message?: unknown; errors?: unknown };
  if (typeof code === "string" && (POSTGRES_UNAVAILABLE.test(code) || SOCKET_FAULTS.has(code))) return "The database does not answer.";
  if (typeof message === "string" && POSTGRES_LOST.test(message)) return "The database does not answer.";
  // Node tries every address of a host and throws one error for all failures.
  if (Array.isArray(errors) && errors.length > 0) return findOutage(errors[0]);
  return undefined;
}
