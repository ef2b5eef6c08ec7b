// Prints the SQL that would bring the database at DATABASE_URL to the schema: nothing when they are the same.
// With the argument `from-empty` it prints the SQL for an empty database: what Prisma's own migrations would run.
// Prisma's schema engine is a binary that not every network can fetch, so this runs its WebAssembly build from npm.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import * as engineModule from "@prisma/schema-engine-wasm/schema_engine_bg";

const TEXT = 25; // OIDs: what the adapter knows, and two types of the system catalogs that it refuses
const CATALOG_TYPES = new Map([
  [18, ColumnTypeEnum.Character], // "char"
  [19, ColumnTypeEnum.Text], // name
]);
const EMPTY = "-- This is an empty migration.";

async function startEngineModule() {
  const script = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const imports = { "./schema_engine_bg.js": engineModule };
  const { instance } = await WebAssembly.instantiate(readFileSync(script.replace(/\.js$/, ".wasm")), imports);
  engineModule.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}

function readSchema() {
  const folder = join(import.meta.dirname, "schema");
  return readdirSync(folder).map((name) => ({ path: name, content: readFileSync(join(folder, name), "utf8") }));
}

// The engine needs the catalogs' types: they pass the adapter as text and get their own type back afterwards.
function withCatalogTypes(adapter) {
  const { queryRaw, performIO } = adapter;
  adapter.queryRaw = async function (query) {
    const taught = new Map();
    const reader = Object.create(this);
    reader.performIO = async (sent) => {
      const result = await performIO.call(this, sent);
      result.fields.forEach((field, index) => {
        if (CATALOG_TYPES.has(field.dataTypeID)) {
          taught.set(index, CATALOG_TYPES.get(field.dataTypeID));
          field.dataTypeID = TEXT;
        }
      });
      return result;
    };
    const result = await queryRaw.call(reader, query);
    taught.forEach((type, index) => (result.columnTypes[index] = type));
    return result;
  };
  return adapter;
}

function adapterFactory(connectionString) {
  const factory = new PrismaPg({ connectionString, allowExitOnIdle: true });
  const connect = factory.connect.bind(factory);
  factory.connect = async () => withCatalogTypes(await connect());
  return bindMigrationAwareSqlAdapterFactory(factory);
}

await startEngineModule();
const files = readSchema();
const engine = await engineModule.SchemaEngine.new(
  { datamodels: files.map(({ path, content }) => [path, content]) },
  () => {},
  adapterFactory(process.env.DATABASE_URL),
);
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
