import type { Readable } from "node:stream";
import type { z } from "zod";
import type { Principal } from "../../lab256/identity/authentication.js";
import type { ProblemAnswer, ProblemCode } from "./problem.js";

/** Who may call a route: anybody; a member of a tenant; a runner that pulls over HTTP. */
export const ACCESS = ["public", "member", "runner"] as const;
export type Access = (typeof ACCESS)[number];

/** Where a guarded route's tenant stands; `token` where the route concerns the caller alone. */
export type TenantSource = "query" | "body" | "statement" | "token";

/** What a route takes; each part is parsed before its handler runs. */
export interface Input {
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
}

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;

export interface PublicCall<I extends Input = Input> {
  readonly params: Parsed<I["params"]>;
  readonly query: Parsed<I["query"]>;
  readonly body: Parsed<I["body"]>;
  /** The body of a route that takes bytes, unread. */
  readonly bytes: Readable;
  /** Aborted when the client goes away or the process stops: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Names what this request is about (a card, a `jti`) in the log. */
  correlate(id: string): void;
}

interface GuardedCall<I extends Input = Input> extends PublicCall<I> {
  readonly principal: Principal;
}

export interface JsonAnswer {
  readonly kind: "json";
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** JSON that goes out byte for byte as it is. */
interface TextAnswer {
  readonly kind: "text";
  readonly status: number;
  readonly text: string;
}

export type Answer = JsonAnswer | TextAnswer | ProblemAnswer;

export function answerOk(body: unknown, headers: Readonly<Record<string, string>> = {}): JsonAnswer {
  return { kind: "json", status: 200, body, headers };
}

export function answerCreated(body: unknown): JsonAnswer {
  return { kind: "json", status: 201, body };
}

/** What a successful answer looks like, for the documentation. */
interface DocumentedAnswer {
  readonly text: string;
  readonly schema: z.ZodType;
}

interface RouteDescription<I extends Input> {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly group: string;
  readonly summary: string;
  readonly detail?: string;
  readonly input: I;
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  /** The refusals that are this route's own. */
  readonly problems: readonly ProblemCode[];
  readonly example?: unknown;
  /** The largest body, in bytes; 64 KiB where it is not said. */
  readonly bodyMaxBytes?: number;
  /** Takes `application/octet-stream` and reads it itself. */
  readonly takesBytes?: boolean;
  /** What it is beside a request that is answered at once: one that waits though its query does not say so, or one that reads a whole ledger. */
  readonly load?: "wait" | "audit";
  /** How it begins an act: by the permit, by the command with that permit, or by a card that is planned. */
  readonly act?: "permit" | "command" | "card";
}

export interface PublicRoute<I extends Input = Input> extends RouteDescription<I> {
  readonly access: "public";
  handle(call: PublicCall<I>): Promise<Answer>;
}

export interface GuardedRoute<I extends Input = Input> extends RouteDescription<I> {
  readonly access: "member" | "runner";
  readonly tenant: TenantSource;
  handle(call: GuardedCall<I>): Promise<Answer>;
}

/** A row of the route table. Authorization follows it: a path that matches no row is not served. */
export type Route = PublicRoute | GuardedRoute;

export function definePublicRoute<I extends Input>(route: PublicRoute<I>): Route {
  return route;
}

export function defineGuardedRoute<I extends Input>(route: GuardedRoute<I>): Route {
  return route;
}
