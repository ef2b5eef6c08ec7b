// Prints the SQL that would change the database at DATABASE_URL to match the schema: nothing if they are the same.
// With the argument `from-empty` it prints the SQL for an empty database, as Prisma's own migrations would run it.
import { start } from "./engine.mjs";

const EMPTY = "-- This is an empty migration.";

const { engine, files } = await start();
const { stdout } = await engine.diff({
  from: process.argv[2] === "from-empty" ? { tag: "empty" } : { tag: "schemaDatasource", files, configDir: "." },
  to: { tag: "schemaDatamodel", files },
  script: true,
  exitCode: null,
  shadowDatabaseUrl: null,
  filters: { externalTables: [], externalEnums: [] },
});
if (stdout.trim() !== EMPTY) {
  process.stdout.write(stdout);
}
