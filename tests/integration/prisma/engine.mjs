// Prisma's schema engine is a binary that cannot be fetched on every network; this runs its WebAssembly build from npm.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import * as engineModule from "@prisma/schema-engine-wasm/schema_engine_bg";

const TEXT = 25; // OIDs: one type that the adapter supports, and two types of the system catalogs that it rejects
const CATALOG_TYPES = new Map([
  [18, ColumnTypeEnum.Character], // "char"
  [19, ColumnTypeEnum.Text], // name
]);

async function startEngineModule() {
  const script = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const imports = { "./schema_engine_bg.js": engineModule };
  const { instance } = await WebAssembly.instantiate(readFileSync(script.replace(/\.js$/, ".wasm")), imports);
  engineModule.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}

function readSchema(folder) {
  return readdirSync(folder).map((name) => ({ path: name, content: readFileSync(join(folder, name), "utf8") }));
}

// The engine needs the catalogs' types: they pass the adapter as text and get their real type back afterwards.
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

// The binary sends a script as one text; the npm adapter splits it at every semicolon, even in functions and comments.
function withWholeScripts(adapter) {
  adapter.executeScript = async function (script) {
    await this.underlyingDriver().query(script).catch((error) => this.onError(error));
  };
  return adapter;
}

const prepared = (adapter) => withWholeScripts(withCatalogTypes(adapter));

// In parts, because a whole URL would take precedence over the name of the shadow database.
function connection(address) {
  const { hostname: host, port, username: user, password, pathname } = new URL(address);
  return { host, port, user, password, database: pathname.slice(1), allowExitOnIdle: true };
}

function adapterFactory(config) {
  const factory = new PrismaPg(config);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => prepared(await connect());
  // The adapter's own version drops the shadow database while it is still connected to it.
  factory.connectToShadowDb = async () => {
    const database = `shadow_${crypto.randomUUID()}`;
    const main = await factory.connect();
    await main.executeScript(`CREATE DATABASE "${database}"`);
    const shadow = prepared(await new PrismaPg({ ...config, database }).connect());
    const dispose = shadow.dispose.bind(shadow);
    shadow.dispose = async () => {
      await dispose();
      await main.executeScript(`DROP DATABASE "${database}"`);
    };
    return shadow;
  };
  return bindMigrationAwareSqlAdapterFactory(factory);
}

/** Returns the engine for the database at DATABASE_URL and the schema in the folder SCHEMA, with the schema's files. */
export async function start() {
  await startEngineModule();
  const files = readSchema(process.env.SCHEMA ?? join(import.meta.dirname, "schema"));
  const datamodels = files.map(({ path, content }) => [path, content]);
  const engine = await engineModule.SchemaEngine.new(
    { datamodels },
    () => {},
    adapterFactory(connection(process.env.DATABASE_URL)),
  );
  return { engine, files };
}
