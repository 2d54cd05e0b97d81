/** A value, or a failure whose members explain why there is none. */
export type Result<T, Failure extends object> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Readonly<Failure>);
