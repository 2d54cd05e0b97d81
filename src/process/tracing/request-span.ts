import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

/** What a request became. */
interface HttpAnswer {
  readonly status: number;
}

const tracer = trace.getTracer("ogr-api");

/**
 * Answers a request within a span of its own, the root of a trace: whoever asks from outside does not choose which trace is written.
 * `subjectOf` says afterwards what it was about. Costs next to nothing where no traces are written.
 */
export function runInRequestSpan<T extends HttpAnswer>(
  method: string,
  route: string,
  answerRequest: () => Promise<T>,
  findCorrelationId: () => string | null,
): Promise<T> {
  const attributes = { "http.request.method": method, "http.route": route };
  return tracer.startActiveSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes, root: true }, async (span) => {
    try {
      const answered = await answerRequest();
      span.setAttribute("http.response.status_code", answered.status);
      if (answered.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      return answered;
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      const subject = findCorrelationId();
      if (subject !== null) span.setAttribute("ogr.correlation_id", subject);
      span.end();
    }
  });
}
