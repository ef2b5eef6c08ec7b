// The application's routes for scheduled reports on their own tables, in place of `exportJob` and its metadata.
// Each takes the application's Prisma client and what its route knows already: the workspace, the caller
// ({id, role}), the validated query or body.  It answers {status, body}, as /api/workspaces/{slug}/reports/scheduled does.
// docs/application.md says what changes and why; a test runs this file against a real database.
import { createHash, randomUUID } from "node:crypto";

const PERSON = { select: { id: true, name: true, email: true, avatarUrl: true } };
const NOT_FOUND = { status: 404, body: { error: "Report not found" } };
const FORBIDDEN = { status: 403, body: { error: "Insufficient permissions" } };
const DAY = 24 * 60 * 60 * 1000;

/** The workspace of a slug that is one of the caller's, with the caller's role; null is the route's 404. */
export async function workspaceOf(prisma, userId, slug) {
  // A slug is unique within its organization only: the first one whose member the caller is.
  const member = await prisma.workspaceMember.findFirst({
    where: { userId, workspace: { slug } },
    select: { role: true, workspace: { select: { id: true, name: true, slug: true } } },
    orderBy: { joinedAt: "asc" },
  });
  return member && { workspace: member.workspace, caller: { id: userId, role: member.role } };
}

/** GET / */
export async function listReports(prisma, workspace, query) {
  const { limit = 50, offset = 0, sortBy = "createdAt", sortOrder = "desc" } = query;
  const where = {
    workspaceId: workspace.id,
    reportType: query.reportType, // what is undefined is no condition
    isActive: query.isActive,
    tags: query.tag === undefined ? undefined : { has: query.tag },
  };
  const order = ["lastRun", "nextRun"].includes(sortBy) ? { sort: sortOrder, nulls: "last" } : sortOrder;
  const [reports, total] = await prisma.$transaction(
    [
      prisma.scheduledReport.findMany({
        where,
        include: { createdBy: PERSON },
        orderBy: [{ [sortBy]: order }, { id: "asc" }], // two with the same name stay apart from page to page
        take: limit,
        skip: offset,
      }),
      prisma.scheduledReport.count({ where }),
    ],
    { isolationLevel: "RepeatableRead" }, // so that the total is that of the page
  );
  const pagination = { limit, offset, hasMore: offset + reports.length < total };
  return { status: 200, body: { reports: reports.map(shown), total, pagination, workspace } };
}

/** POST / */
export async function createReport(prisma, workspace, caller, body) {
  if (caller.role === "GUEST") return FORBIDDEN;
  const report = await prisma.scheduledReport.create({
    data: { ...columns(body), workspaceId: workspace.id, createdById: caller.id },
    include: { createdBy: PERSON },
  });
  return { status: 201, body: shown(report) };
}

/** GET /{id} */
export async function readReport(prisma, workspace, id) {
  const report = await prisma.scheduledReport.findFirst({
    where: { id, workspaceId: workspace.id },
    include: {
      createdBy: PERSON,
      executions: { orderBy: [{ createdAt: "desc" }, { id: "asc" }], take: 10 },
    },
  });
  if (!report) return NOT_FOUND;
  return { status: 200, body: { ...shown(report), executionHistory: report.executions.map(shownExecution) } };
}

/** PUT /{id} */
export async function updateReport(prisma, workspace, caller, id, body) {
  const report = await prisma.scheduledReport.findFirst({ where: { id, workspaceId: workspace.id } });
  if (!report) return NOT_FOUND;
  if (!mayChange(caller, report)) return FORBIDDEN;
  // Switching a report on that an operator paused, or that keeps failing, means: go on.  Nothing else touches `status`.
  const status = body.isActive === true && ["PAUSED", "ERROR"].includes(report.status) ? "ACTIVE" : undefined;
  try {
    const updated = await prisma.scheduledReport.update({
      where: { id },
      data: { ...columns(body), status },
      include: { createdBy: PERSON },
    });
    return { status: 200, body: shown(updated) };
  } catch (error) {
    return goneOr(error);
  }
}

/** DELETE /{id}: its executions go with it by foreign key, its files after a grace period. */
export async function deleteReport(prisma, workspace, caller, id) {
  const report = await prisma.scheduledReport.findFirst({ where: { id, workspaceId: workspace.id } });
  if (!report) return NOT_FOUND;
  if (!mayChange(caller, report)) return FORBIDDEN;
  try {
    await prisma.scheduledReport.delete({ where: { id } });
    return { status: 200, body: { success: true, message: "Scheduled report deleted" } };
  } catch (error) {
    return goneOr(error);
  }
}

/** POST /{id}/trigger: the executions are claimed first, so that two clicks are one run; then Airflow is asked. */
export async function triggerReport(prisma, workspace, caller, id, airflow) {
  const report = await prisma.scheduledReport.findFirst({ where: { id, workspaceId: workspace.id } });
  if (!report) return NOT_FOUND;
  if (caller.role === "GUEST") return FORBIDDEN;
  const runId = `manual__${new Date().toISOString()}_${randomUUID().slice(0, 8)}`;
  const executions = await claim(prisma, report, caller, runId);
  if (!executions) return { status: 409, body: { error: "A run of this report is under way" } };
  const refused = await askAirflow(airflow, report, caller, runId);
  if (refused) {
    // Where Airflow has the run after all, its first task makes these rows go on.
    await prisma.reportExecution.updateMany({
      where: { id: { in: executions.map((one) => one.id) }, status: "PENDING" },
      data: { status: "FAILED", error: refused, completedAt: new Date() },
    });
    return { status: 503, body: { error: refused } };
  }
  const [{ id: executionId, status, progress, createdAt }] = executions;
  const executionJob = { id: executionId, status, progress, createdAt };
  return { status: 202, body: { success: true, message: "Report execution started", executionJob } };
}

/** One PENDING row per format, under the ids that the run will look for; null while another run is under way. */
function claim(prisma, report, caller, runId) {
  return prisma.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM scheduled_reports WHERE id = ${report.id} FOR UPDATE`;
    const open = { scheduledReportId: report.id, status: { in: ["PENDING", "PROCESSING"] } };
    // A row that is older was left by a run that never began.
    const running = await tx.reportExecution.count({
      where: { ...open, createdAt: { gt: new Date(Date.now() - DAY) } },
    });
    if (running) return null;
    const scheduledFor = new Date(); // of a run by hand: the moment it was asked for, the same for all its formats
    return tx.reportExecution.createManyAndReturn({
      data: report.exportFormats.map((format) => ({
        id: executionId(report.id, runId, format),
        scheduledReportId: report.id,
        format: format.toUpperCase(), // the enum's labels are the formats' names in capitals
        scheduledFor,
        triggeredBy: caller.id,
        triggeredManually: true,
      })),
    });
  });
}

/** Start the run by Airflow's REST API; the reason where it may not have begun. */
async function askAirflow(airflow, report, caller, runId) {
  try {
    const answer = await fetch(`${airflow.url}/api/v2/dags/${dagId(report.id)}/dagRuns`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${airflow.token}` },
      body: JSON.stringify({ dag_run_id: runId, logical_date: null, conf: { triggered_by: caller.id } }),
      signal: AbortSignal.timeout(15_000),
    });
    if (answer.ok) return null;
    // A report that was made a moment ago has its DAG within seconds; one that is disabled has none.
    return answer.status === 404 ? "Airflow does not know this report" : `Airflow refused the run (${answer.status})`;
  } catch {
    return "Airflow did not answer";
  }
}

/** The id by which a run finds the row of a format: what stands in naming.py, `execution_id`. */
export function executionId(reportId, runId, format) {
  const digest = createHash("sha256").update([reportId, runId, format].join("\0")).digest("hex");
  let number = BigInt(`0x${digest.slice(0, 32)}`);
  let id = "c";
  for (let place = 0; place < 24; place += 1, number /= 36n) id += (number % 36n).toString(36);
  return id;
}

/** The DAG of a report: letters, digits, `_` and `-` as they are, every other byte as `.` and two digits. */
export function dagId(reportId) {
  const escaped = [...Buffer.from(reportId)].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(character) ? character : `.${byte.toString(16).padStart(2, "0")}`;
  });
  return `scheduled_report_${escaped.join("")}`;
}

function mayChange(caller, report) {
  return ["OWNER", "ADMIN"].includes(caller.role) || (caller.role === "MEMBER" && report.createdById === caller.id);
}

/** Somebody else was quicker with deleting it. */
function goneOr(error) {
  if (error.code === "P2025") return NOT_FOUND;
  throw error;
}

/** The columns of a body; Prisma leaves alone what is undefined, so a part of the fields is enough. */
function columns(body) {
  const { name, description, reportType, cronExpression, timezone, exportFormats, parameters, isActive, tags } = body;
  const mail = body.emailDelivery ?? {};
  return {
    ...{ name, description, reportType, cronExpression, timezone, exportFormats, parameters, isActive, tags },
    emailEnabled: mail.enabled,
    emailRecipients: mail.recipients,
    emailCcRecipients: mail.ccRecipients,
    emailBccRecipients: mail.bccRecipients,
    emailSubject: mail.subject,
    emailIncludeAttachment: mail.includeAttachment,
    emailIncludePreview: mail.includeInlinePreview,
    emailSendOnlyIfData: mail.sendOnlyIfData,
  };
}

/** A report as the front end knows it; the route adds `cronDescription` with the application's own words. */
function shown(report) {
  const { id, name, description, reportType, cronExpression, timezone, exportFormats, parameters, isActive } = report;
  const { tags, lastRun, lastRunStatus, nextRun, runCount, failureCount, createdBy, createdAt, updatedAt } = report;
  const emailDelivery = {
    enabled: report.emailEnabled,
    recipients: report.emailRecipients,
    subject: report.emailSubject,
    includeAttachment: report.emailIncludeAttachment,
    includeInlinePreview: report.emailIncludePreview,
    sendOnlyIfData: report.emailSendOnlyIfData,
    ccRecipients: report.emailCcRecipients,
    bccRecipients: report.emailBccRecipients,
  };
  return {
    ...{ id, name, description, reportType, cronExpression, timezone, exportFormats, emailDelivery, parameters },
    ...{ isActive, tags, lastRun, lastRunStatus, nextRun, runCount, failureCount, createdBy, createdAt, updatedAt },
  };
}

function shownExecution({ id, format, status, startedAt, completedAt, recordCount, fileSize, error, duration }) {
  // A file of more than 9 PB would lose its last digit.
  const bytes = fileSize === null ? null : Number(fileSize);
  return { id, format, status, startedAt, completedAt, recordCount, fileSize: bytes, error, duration };
}
