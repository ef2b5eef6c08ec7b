// What `prisma migrate` asks of its engine, for the migrations in a folder.
// Usage: migrate.mjs deploy|dev|rolled-back FOLDER [NAME]
//   deploy       applies what the database lacks, and prints the names
//   dev          replays the migrations in a shadow database and prints what `prisma migrate dev` would do next, and
//                the migration it would make
//   rolled-back  notes that the migration NAME has failed and left nothing
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { start } from "./engine.mjs";

const [command, folder, migrationName] = process.argv.slice(2);
const filters = { externalTables: [], externalEnums: [] };
const migrationsList = {
  baseDir: folder,
  lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
  shadowDbInitScript: "",
  migrationDirectories: readdirSync(folder)
    .sort()
    .map((name) => ({
      path: name,
      migrationFile: {
        path: "migration.sql",
        content: { tag: "ok", value: readFileSync(join(folder, name, "migration.sql"), "utf8") },
      },
    })),
};

const { engine, files } = await start();
const answers = {
  deploy: () => engine.applyMigrations({ migrationsList, filters }),
  "rolled-back": () => engine.markMigrationRolledBack({ migrationName }),
  dev: async () => ({
    ...(await engine.devDiagnostic({ migrationsList, filters })),
    ...(await engine.createMigration({ draft: true, migrationName: "next", migrationsList, schema: { files }, filters })),
  }),
};
const answer = JSON.stringify((await answers[command]()) ?? null);
// The engine keeps its connection, and its lock on the migrations, for as long as the process lives.
process.stdout.write(`${answer}\n`, () => process.exit());
