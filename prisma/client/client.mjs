// A thin client of the API of scheduled reports, for Node.js 20.11 or later and without dependencies.
// Its types come from the OpenAPI document (`make client`); docs/api.md explains each route.

/** @typedef {import("./api.d.ts").components["schemas"]} Shapes */
/** @typedef {import("./api.d.ts").paths} Paths */
/**
 * The body of a request.
 * @template {keyof Paths} P
 * @template {"post" | "put"} M
 * @typedef {Paths[P][M] extends { requestBody?: { content: { "application/json": infer B } } } ? B : never} Body
 */
/** @typedef {"pdf" | "csv" | "json" | "excel" | "html"} Format */

const BASE = "/api/workspaces/{workspaceSlug}/reports";

/** An answer that is no success; `details` has every problem of every field. */
export class ReportsError extends Error {
  /**
   * @param {number} status
   * @param {{error?: string, details?: Record<string, string[]>}} content
   */
  constructor(status, content) {
    super(content.error ?? `HTTP ${status}`);
    this.name = "ReportsError";
    this.status = status;
    this.details = content.details ?? {};
  }
}

/**
 * A token of Airflow's API, by name and password.
 * @param {string} airflow the address of Airflow
 * @param {string} username
 * @param {string} password
 * @returns {Promise<string>}
 */
export async function signIn(airflow, username, password) {
  const answer = await fetch(`${airflow}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username, password }),
  });
  if (!answer.ok) throw new ReportsError(answer.status, {});
  return (await answer.json()).access_token;
}

/**
 * The client of one workspace.
 * @param {object} options
 * @param {string} options.airflow the address of Airflow, such as https://airflow.company.com
 * @param {string} options.token a token of Airflow's API
 * @param {string} options.workspace the workspace: its slug, or slug:id
 * @param {string} [options.actingUserId] the user on whose behalf a service account changes something
 */
export function connect({ airflow, token, workspace, actingUserId }) {
  const root = `${airflow.replace(/\/$/, "")}/scheduled-reports`;
  const base = BASE.replace("{workspaceSlug}", encodeURIComponent(workspace));
  const reports = `${base}/scheduled`;
  /** @param {string} id */
  const of = (id) => `${reports}/${encodeURIComponent(id)}`;
  /** @param {string} id @param {string} runId */
  const ofRun = (id, runId) => `${of(id)}/runs/${encodeURIComponent(runId)}`;

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<Response>}
   */
  async function send(method, path, body) {
    const answer = await fetch(root + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(method === "GET" ? {} : { "content-type": "application/json" }) },
      body: method === "GET" ? undefined : JSON.stringify({ ...(actingUserId ? { actingUserId } : {}), ...body }),
    });
    if (answer.ok) return answer;
    throw new ReportsError(answer.status, await answer.json().catch(() => ({})));
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  const call = async (method, path, body) => (await send(method, path, body)).json();

  const client = {
    /**
     * A page of the reports of the workspace.
     * @param {Record<string, string | number | boolean>} [query] filters, order and page
     * @returns {Promise<Shapes["ReportList"]>}
     */
    listReports: (query = {}) =>
      call("GET", `${reports}?${new URLSearchParams(Object.entries(query).map(([name, value]) => [name, `${value}`]))}`),

    /**
     * @param {Body<"/api/workspaces/{workspaceSlug}/reports/scheduled", "post">} report
     * @returns {Promise<Shapes["Report"]>}
     */
    createReport: (report) => call("POST", reports, report),

    /**
     * @param {string} id
     * @returns {Promise<Shapes["ReportDetail"]>}
     */
    readReport: (id) => call("GET", of(id)),

    /**
     * Change some fields; with `updatedAt` as it was read, a stale edit is refused with 409.
     * @param {string} id
     * @param {Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}", "put">} changes
     * @returns {Promise<Shapes["Report"]>}
     */
    changeReport: (id, changes) => call("PUT", of(id), changes),

    /**
     * @param {string} id
     * @returns {Promise<Shapes["Done"]>}
     */
    deleteReport: (id) => call("DELETE", of(id)),

    /**
     * @param {string} id
     * @returns {Promise<Shapes["Report"]>}
     */
    pauseReport: (id) => call("POST", `${of(id)}/pause`),

    /**
     * @param {string} id
     * @returns {Promise<Shapes["Report"]>}
     */
    resumeReport: (id) => call("POST", `${of(id)}/resume`),

    /**
     * Run a report now.  A new report has its DAG within seconds; until then the answer is 409, and it is asked again.
     * @param {string} id
     * @param {Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}/trigger", "post">} [options]
     * @param {number} [seconds] how long to wait for the DAG
     * @returns {Promise<Shapes["Requested"]>}
     */
    async triggerRun(id, options = {}, seconds = 60) {
      for (const end = Date.now() + seconds * 1000; ; await pause(1)) {
        try {
          return await call("POST", `${of(id)}/trigger`, options);
        } catch (error) {
          if (!(error instanceof ReportsError && error.status === 409) || Date.now() > end) throw error;
        }
      }
    },

    /**
     * The newest runs of a report.
     * @param {string} id
     * @param {{limit?: number, offset?: number}} [page]
     * @returns {Promise<Shapes["RunList"]>}
     */
    listRuns: (id, { limit = 20, offset = 0 } = {}) => call("GET", `${of(id)}/runs?limit=${limit}&offset=${offset}`),

    /**
     * @param {string} id
     * @param {string} runId
     * @returns {Promise<Shapes["RunDetail"]>}
     */
    readRun: (id, runId) => call("GET", ofRun(id, runId)),

    /**
     * Wait until a run is settled; its `state` says how.
     * @param {string} id
     * @param {string} runId
     * @param {number} [seconds]
     * @returns {Promise<Shapes["RunDetail"]>}
     */
    async waitForRun(id, runId, seconds = 900) {
      for (const end = Date.now() + seconds * 1000; ; await pause(2)) {
        const run = await client.readRun(id, runId);
        if (run.settledAt !== null) return run;
        if (Date.now() > end) throw new Error(`run ${runId} was not settled within ${seconds} seconds`);
      }
    },

    /**
     * A file of a run; read it with `arrayBuffer()`, or as a stream by `body`.
     * @param {string} id
     * @param {string} runId
     * @param {Format} format
     * @returns {Promise<Response>}
     */
    downloadFile: (id, runId, format) => send("GET", `${ofRun(id, runId)}/artifacts/${format}`),

    /**
     * Repeat the failed steps of a run; no message is sent twice.
     * @param {string} id
     * @param {string} runId
     * @returns {Promise<Shapes["Retried"]>}
     */
    retryRun: (id, runId) => call("POST", `${ofRun(id, runId)}/retry`),

    /**
     * Send the files of a run again, by default to those who did not certainly receive them.
     * @param {string} id
     * @param {string} runId
     * @param {Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}/runs/{runId}/resend", "post">} [options]
     * @returns {Promise<Shapes["Requested"]>}
     */
    resendRun: (id, runId, options = {}) => call("POST", `${ofRun(id, runId)}/resend`, options),
  };
  return client;
}

/** @param {number} seconds */
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
