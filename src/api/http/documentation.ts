import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { signedStatementSchema, statementSchema } from "../../domain/card/statement.js";
import { envelopeSchema } from "../../domain/permit/envelope.js";
import { permitSchema } from "../../domain/permit/permit.js";
import { receiptSchema, refusalSchema } from "../../domain/permit/receipt.js";
import { toOperationId } from "./documented-route.js";
import { problemSchema } from "./problem.js";
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

Every route that is not public requires \`Authorization: Bearer ogr_…\`. A token belongs to one tenant; anything of another tenant
is 404, like an unknown id. Errors are problem details (RFC 9457) with a stable \`code\`. Unknown members of a body or query are
refused by name, except inside \`context\`. A 503 has \`Retry-After\`, and a retry is safe.

A tenant's members see its projects, but only the owners of a \`private\` project, or holders of an owning office, see that one. Every
member sees all cards, commands and receipts, because members other than owners must be able to approve.`;

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
