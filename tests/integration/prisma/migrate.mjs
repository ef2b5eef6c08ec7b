// Runs the engine's part of `prisma migrate`, for the migrations in a folder.
// Usage: migrate.mjs deploy|dev|rolled-back FOLDER [NAME]
//   deploy       applies the missing migrations, and prints their names
//   dev          replays the migrations in a shadow database, then prints what `prisma migrate dev` would do next and
//                the migration it would create
//   rolled-back  marks the failed migration NAME as rolled back
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
// The engine keeps its connection, and its lock on the migrations, until the process exits.
process.stdout.write(`${answer}\n`, () => process.exit());
