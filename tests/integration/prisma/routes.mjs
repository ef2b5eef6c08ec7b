// Calls the routes of prisma/reports.mjs with a real Prisma client: reads a JSON list of [name, ...arguments] from
// standard input, prints the list of their answers.  With the argument `together` it makes all calls at once; with
// `until FILE` it repeats them until that file exists, then prints the count and the last answers.  With `serve` it
// answers lines {url, calls} with lines {answers} or {error}, each with a new client, until standard input ends.
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";

import * as routes from "../../../prisma/reports.mjs";

const PURE = ["executionId", "dagId"];
const [how, file] = process.argv.slice(2);

async function inTurn(call, calls) {
  const answers = [];
  for (const one of calls) answers.push(await call(one));
  return answers;
}

async function untilThereIs(file, call, calls) {
  let [rounds, answers] = [0, []];
  for (; rounds === 0 || !existsSync(file); rounds += 1) answers = await inTurn(call, calls);
  return [rounds, ...answers];
}

async function answersTo(url, calls) {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
  const call = ([name, ...given]) => routes[name](...(PURE.includes(name) ? given : [prisma, ...given]));
  try {
    if (how === "until") return await untilThereIs(file, call, calls);
    return await (how === "together" ? Promise.all(calls.map(call)) : inTurn(call, calls));
  } finally {
    await prisma.$disconnect();
  }
}

if (how === "serve") {
  for await (const line of createInterface({ input: process.stdin })) {
    const { url, calls } = JSON.parse(line);
    const said = await answersTo(url, calls).then((answers) => ({ answers }), ({ stack }) => ({ error: stack }));
    console.log(JSON.stringify(said));
  }
} else {
  console.log(JSON.stringify(await answersTo(process.env.DATABASE_URL, JSON.parse(readFileSync(0, "utf8")))));
}
