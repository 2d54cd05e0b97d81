import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

const tracer = trace.getTracer("ogr-api");

/**
 * Answers a request within a span that is the root of a trace, so that a client cannot choose the trace. `findCorrelationId` is called after
 * the answer. Costs almost nothing if tracing is off.
 */
export function runInRequestSpan<T extends { readonly status: number }>(
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
