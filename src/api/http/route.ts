import type { Readable } from "node:stream";
import type { z } from "zod";
import type { Principal } from "../../lab256/identity/authentication.js";
import type { ProblemAnswer, ProblemCode } from "./problem.js";

/** The callers a route admits: everyone, the members of a tenant, or Runners that pull over HTTP. */
export const ACCESS = ["public", "member", "runner"] as const;
export type Access = (typeof ACCESS)[number];

/** The part of the request that names the tenant; `token` if the route concerns only the caller. */
export type TenantSource = "query" | "body" | "statement" | "token";

/** The schemas of a request's parts. Each part is parsed before the handler runs. */
export interface Input {
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
}

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;

export interface PublicCall<I extends Input = Input> {
  /** The path of the route. */
  readonly url: string;
  readonly params: Parsed<I["params"]>;
  readonly query: Parsed<I["query"]>;
  readonly body: Parsed<I["body"]>;
  /** The body of a route that takes bytes, unread. */
  readonly bytes: Readable;
  /** Aborted when the client disconnects or the process stops. */
  readonly signal: AbortSignal;
  /** Adds the subject of this request (a card, a `jti`) to the log. */
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

/** JSON text that is sent byte for byte. */
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

/** The documentation of a successful answer. */
interface DocumentedAnswer {
  readonly text: string;
  readonly schema: z.ZodType;
}

interface RouteDescription<I extends Input> {
  readonly summary: string;
  readonly detail?: string;
  readonly input: I;
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  /** The errors specific to this route. */
  readonly problems?: readonly ProblemCode[];
  readonly example?: unknown;
  /** The largest body in bytes; 64 KiB by default. */
  readonly bodyMaxBytes?: number;
  /** The largest number of values in the body; 20,000 by default. */
  readonly bodyMaxValues?: number;
  /** Takes `application/octet-stream` and reads it itself. */
  readonly takesBytes?: boolean;
  /** Set if the route always waits, or reads a whole ledger. */
  readonly load?: "wait" | "audit";
  /** How the route starts an act: with a permit, with the command of a permit, or with a card to plan. */
  readonly act?: "permit" | "command" | "card";
}

interface PublicDescription<I extends Input> extends RouteDescription<I> {
  handle(call: PublicCall<I>): Promise<Answer>;
}

interface GuardedDescription<I extends Input> extends RouteDescription<I> {
  readonly tenant: TenantSource;
  handle(call: GuardedCall<I>): Promise<Answer>;
}

type Method = "GET" | "POST" | "PUT";

interface Address<A extends Access> {
  readonly method: Method;
  readonly url: string;
  readonly access: A;
}

type UngroupedPublicRoute = Address<"public"> & PublicDescription<Input>;
type UngroupedGuardedRoute = Address<"member" | "runner"> & GuardedDescription<Input>;
type Grouped<R> = R & { readonly group: string };

export type GuardedRoute = Grouped<UngroupedGuardedRoute>;

/** A row of the route table, which decides authorization: other paths are not served. */
export type Route = Grouped<UngroupedPublicRoute> | GuardedRoute;

/** Names the section of the documentation that has these routes. */
export function groupRoutes(group: string, routes: readonly (UngroupedPublicRoute | UngroupedGuardedRoute)[]): readonly Route[] {
  return routes.map((route) => ({ ...route, group }));
}

export function definePublicRoute<I extends Input>(method: Method, url: string, route: PublicDescription<I>): UngroupedPublicRoute {
  return { ...route, method, url, access: "public" };
}

export function defineMemberRoute<I extends Input>(method: Method, url: string, route: GuardedDescription<I>): UngroupedGuardedRoute {
  return { ...route, method, url, access: "member" };
}

export function defineRunnerRoute<I extends Input>(method: Method, url: string, route: GuardedDescription<I>): UngroupedGuardedRoute {
  return { ...route, method, url, access: "runner" };
}
