import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { signedStatementSchema, statementSchema } from "../../domain/card/statement.js";
import { envelopeSchema } from "../../domain/permit/envelope.js";
import { permitSchema } from "../../domain/permit/permit.js";
import { receiptSchema, refusalSchema } from "../../domain/permit/receipt.js";
import { problemSchema, toOperationId } from "./documented-route.js";
import type { Route } from "./route.js";

/** Schemas that the document defines once and refers to. */
const components = z.registry<{ id: string }>();
components.add(problemSchema, { id: "Problem" });
components.add(permitSchema, { id: "Permit" });
components.add(envelopeSchema, { id: "CommandEnvelope" });
components.add(receiptSchema, { id: "Receipt" });
components.add(refusalSchema, { id: "Refusal" });
components.add(statementSchema, { id: "Statement" });
components.add(signedStatementSchema, { id: "SignedStatement" });

const DESCRIPTION = `card → permit → command → Runner → receipt (ADR-UBL-Registry-002).

Every request but the public ones carries \`Authorization: Bearer ogr_…\`. A token is of one tenant; whatever belongs to another
tenant is answered as if it did not exist. Errors are problem details (RFC 9457) whose \`code\` is stable. Unknown members of a body
or query are refused by name, except inside \`context\`. 503 carries \`Retry-After\`, and asking again is safe.

A tenant's members see its projects, but a \`private\` one only if they own it, themselves or through an office. Cards, commands and
receipts are the tenant's record and every member sees them, or nobody but an owner could approve.`;

/** Serves the OpenAPI 3.1 document at /openapi.json and its pages at /docs. Register it before the routes. */
export async function documentApi(app: FastifyInstance, routes: readonly Route[]): Promise<void> {
  const transformDocument = createJsonSchemaTransformObject({ schemaRegistry: components });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Office Git Registry", version: "0.1.0", description: DESCRIPTION },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "ogr_…" } } },
    },
    transform: createJsonSchemaTransform({ schemaRegistry: components }),
    transformObject: (document) => addBodies(transformDocument(document) as Document, routes),
  });
  await app.register(swaggerUi, { routePrefix: "/docs" });
}

interface Document {
  readonly paths?: Record<
    string,
    Record<string, { operationId?: string; requestBody?: { content: Record<string, object>; required?: boolean } }>
  >;
}

/** Adds what the schemas lack: the examples of bodies, and bodies of bytes. */
function addBodies(document: Document, routes: readonly Route[]): Document {
  const byId = new Map(routes.map((route) => [toOperationId(route), route]));
  for (const operation of Object.values(document.paths ?? {}).flatMap((path) => Object.values(path))) {
    const route = byId.get(operation.operationId ?? "");
    if (route?.takesBytes)
      operation.requestBody = { required: true, content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } };
    const media = operation.requestBody?.content["application/json"];
    if (route?.example !== undefined && media !== undefined) Object.assign(media, { example: route.example });
  }
  return document;
}
