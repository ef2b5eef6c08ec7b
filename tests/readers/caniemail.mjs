// Print which features of an HTML page mail clients do not support, or support in part, by caniemail.com's data.
import { readFileSync } from "node:fs";
import { caniemail } from "caniemail";

const [path, ...clients] = process.argv.slice(2);
const { issues } = caniemail({ clients, html: readFileSync(path, "utf8") });
const titles = (found) =>
  Object.fromEntries([...found].map(([client, list]) => [client, [...new Set(list.map(({ title }) => title))].sort()]));
process.stdout.write(JSON.stringify({ unsupported: titles(issues.errors), partial: titles(issues.warnings) }));
