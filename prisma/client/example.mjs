// Create a report, run it, wait for it and save its file:
//   AIRFLOW=https://airflow.company.com TOKEN=… WORKSPACE=acme OWNER=<user id> node example.mjs report.csv
import { writeFile } from "node:fs/promises";
import { connect } from "./client.mjs";

const { AIRFLOW = "http://127.0.0.1:8080", TOKEN = "", WORKSPACE = "", OWNER } = process.env;
const client = connect({ airflow: AIRFLOW, token: TOKEN, workspace: WORKSPACE });

const report = await client.createReport({
  name: "Channels of the week",
  reportType: "channel-analytics",
  cronExpression: "0 9 * * 1",
  timezone: "Europe/Berlin",
  exportFormats: ["csv"],
  createdBy: OWNER,
});
const { runId } = await client.triggerRun(report.id);
const run = await client.waitForRun(report.id, runId);
if (run.state !== "success") throw new Error(`the run is ${run.state}: ${run.reason}`);

const file = await client.downloadFile(report.id, runId, "csv");
await writeFile(process.argv[2] ?? "report.csv", Buffer.from(await file.arrayBuffer()));
console.log(JSON.stringify({ report: report.id, run: runId, rows: run.rows, bytes: run.artifacts[0].bytes }));
