// Calls the routes of prisma/reports.mjs with a real Prisma client: reads a JSON list of [name, ...arguments] from
// standard input, prints the list of their answers.  With the argument `together` it makes all calls at once; with
// `until FILE` it repeats them until there is such a file, and prints how often, and the last answers.
import { existsSync, readFileSync } from "node:fs";

import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";

import * as routes from "../../../prisma/reports.mjs";

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
const PURE = ["executionId", "dagId"];
const call = ([name, ...given]) => routes[name](...(PURE.includes(name) ? given : [prisma, ...given]));
const calls = JSON.parse(readFileSync(0, "utf8"));

async function inTurn() {
  const answers = [];
  for (const one of calls) answers.push(await call(one));
  return answers;
}

async function untilThereIs(file) {
  let [rounds, answers] = [0, []];
  for (; rounds === 0 || !existsSync(file); rounds += 1) answers = await inTurn();
  return [rounds, ...answers];
}

const [how, file] = process.argv.slice(2);
const answers = how === "until" ? untilThereIs(file) : how === "together" ? Promise.all(calls.map(call)) : inTurn();
const printed = JSON.stringify(await answers);
await prisma.$disconnect();
console.log(printed);
