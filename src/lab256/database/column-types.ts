import pg from "pg";

/** Parses columns as `pg` does, except that `bigint` becomes a number instead of a string. */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 && format !== "binary" ? parseWholeNumber : pg.types.getTypeParser(oid, format),
};

function parseWholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`${text} does not fit a JavaScript number; a time, sequence number or count in the database is damaged.`);
}
