// The types of `call` and `get` in static/lib/api.js: every path of the HTTP API with what it takes and what it answers.
//
// api.d.ts is generated from the server's OpenAPI document (`make types`), so a page that asks for a field the server
// does not have fails `make lint`.

import type { paths } from "./api";

type Prefix = "/api/v1";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Paths below /api/v1 that know the method, such as "/jobs/{job_id}". */
export type Path<M extends Method> = {
  [K in keyof paths]: paths[K] extends Record<Lowercase<M>, object>
    ? K extends `${Prefix}${infer Rest}`
      ? Rest
      : never
    : never;
}[keyof paths];

type Operation<M extends Method, P extends string> = `${Prefix}${P}` extends keyof paths
  ? Lowercase<M> extends keyof paths[`${Prefix}${P}`]
    ? paths[`${Prefix}${P}`][Lowercase<M>]
    : never
  : never;

type PathParameters<O> = O extends { parameters: { path: infer T } } ? { path: T } : { path?: never };
type QueryParameters<O> = O extends { parameters: { query?: infer T } }
  ? { query?: { [K in keyof T]: T[K] | null } }
  : { query?: never };
type Body<O> = O extends { requestBody: { content: infer C } }
  ? C extends { "application/json": infer T }
    ? { body: T }
    : { body: FormData }
  : { body?: never };

export type Options<M extends Method, P extends string> = PathParameters<Operation<M, P>> &
  QueryParameters<Operation<M, P>> &
  Body<Operation<M, P>> & { signal?: AbortSignal };

/** Left out where nothing has to be said. */
export type Rest<T> = {} extends T ? [options?: T] : [options: T];

type Json<R> = R extends { content: { "application/json": infer T } } ? T : null;
type Success<R> = R extends { 200: infer A } ? Json<A> : R extends { 201: infer A } ? Json<A> : null;

export type Answer<M extends Method, P extends string> =
  Operation<M, P> extends { responses: infer R } ? Success<R> : never;

export type Call = <M extends Method, P extends Path<M>>(
  method: M,
  path: P,
  ...options: Rest<Options<M, P>>
) => Promise<Answer<M, P>>;

export type Get = <P extends Path<"GET">>(path: P, ...options: Rest<Options<"GET", P>>) => Promise<Answer<"GET", P>>;
