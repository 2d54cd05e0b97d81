/** A value, or why there is none: `Failure` has the members that say so. */
export type Result<T, Failure extends object> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Readonly<Failure>);
