// Runs the seed document's example queries for one report with a real Prisma client; prints the results and the SQL.
// Usage: queries.mjs REPORT_ID
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";

const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL });
const prisma = new PrismaClient({ adapter, log: [{ emit: "event", level: "query" }] });
const sent = [];
prisma.$on("query", ({ query, params }) => sent.push({ sql: query, parameters: JSON.parse(params) }));

const reportId = process.argv[2];
const report = await prisma.scheduledReport.findUniqueOrThrow({ where: { id: reportId } });

// Get all reports due for execution
sent.length = 0;
const dueReports = await prisma.scheduledReport.findMany({
  where: {
    isActive: true,
    status: "ACTIVE",
    nextRun: {
      lte: new Date(),
    },
  },
  include: {
    workspace: true,
    createdBy: true,
  },
});
const dueSql = [...sent];

// Create execution record
const execution = await prisma.reportExecution.create({
  data: {
    scheduledReportId: report.id,
    status: "PROCESSING",
    triggeredBy: "system",
    scheduledFor: new Date(),
    format: report.exportFormats[0].toUpperCase(), // the enum's labels are the names of the formats in capitals
  },
});

// Get execution history with statistics
const history = await prisma.reportExecution.findMany({
  where: {
    scheduledReportId: reportId,
  },
  orderBy: {
    createdAt: "desc",
  },
  take: 10,
});

const stats = await prisma.reportExecution.aggregate({
  where: {
    scheduledReportId: reportId,
  },
  _count: true,
  _avg: {
    duration: true,
  },
  _max: {
    fileSize: true,
  },
});

// The example scheduler's own update
const nextRun = new Date("2030-01-01T00:00:00Z");
const updated = await prisma.scheduledReport.update({
  where: { id: report.id },
  data: { nextRun },
});

await prisma.$disconnect();
const plain = (_, value) => (typeof value === "bigint" ? value.toString() : value);
console.log(JSON.stringify({ report, dueReports, dueSql, execution, history, stats, updated }, plain));
