/**
 * A token of Airflow's API, by name and password.
 * @param {string} airflow the address of Airflow
 * @param {string} username
 * @param {string} password
 * @returns {Promise<string>}
 */
export function signIn(airflow: string, username: string, password: string): Promise<string>;
/**
 * The client of one workspace.
 * @param {object} options
 * @param {string} options.airflow the address of Airflow, such as https://airflow.company.com
 * @param {string} options.token a token of Airflow's API
 * @param {string} options.workspace the workspace: its slug, or slug:id
 * @param {string} [options.actingUserId] the user on whose behalf a service account changes something
 */
export function connect({ airflow, token, workspace, actingUserId }: {
    airflow: string;
    token: string;
    workspace: string;
    actingUserId?: string;
}): {
    /**
     * A page of the reports of the workspace.
     * @param {Record<string, string | number | boolean>} [query] filters, order and page
     * @returns {Promise<Shapes["ReportList"]>}
     */
    listReports: (query?: Record<string, string | number | boolean>) => Promise<Shapes["ReportList"]>;
    /**
     * @param {Body<"/api/workspaces/{workspaceSlug}/reports/scheduled", "post">} report
     * @returns {Promise<Shapes["Report"]>}
     */
    createReport: (report: Body<"/api/workspaces/{workspaceSlug}/reports/scheduled", "post">) => Promise<Shapes["Report"]>;
    /**
     * @param {string} id
     * @returns {Promise<Shapes["ReportDetail"]>}
     */
    readReport: (id: string) => Promise<Shapes["ReportDetail"]>;
    /**
     * Change some fields; with `updatedAt` as it was read, a stale edit is refused with 409.
     * @param {string} id
     * @param {Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}", "put">} changes
     * @returns {Promise<Shapes["Report"]>}
     */
    changeReport: (id: string, changes: Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}", "put">) => Promise<Shapes["Report"]>;
    /**
     * @param {string} id
     * @returns {Promise<Shapes["Done"]>}
     */
    deleteReport: (id: string) => Promise<Shapes["Done"]>;
    /**
     * @param {string} id
     * @returns {Promise<Shapes["Report"]>}
     */
    pauseReport: (id: string) => Promise<Shapes["Report"]>;
    /**
     * @param {string} id
     * @returns {Promise<Shapes["Report"]>}
     */
    resumeReport: (id: string) => Promise<Shapes["Report"]>;
    /**
     * Run a report now.  A new report has its DAG within seconds; until then the answer is 409, and it is asked again.
     * @param {string} id
     * @param {Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}/trigger", "post">} [options]
     * @param {number} [seconds] how long to wait for the DAG
     * @returns {Promise<Shapes["Requested"]>}
     */
    triggerRun(id: string, options?: Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}/trigger", "post">, seconds?: number): Promise<Shapes["Requested"]>;
    /**
     * The newest runs of a report.
     * @param {string} id
     * @param {{limit?: number, offset?: number}} [page]
     * @returns {Promise<Shapes["RunList"]>}
     */
    listRuns: (id: string, { limit, offset }?: {
        limit?: number;
        offset?: number;
    }) => Promise<Shapes["RunList"]>;
    /**
     * @param {string} id
     * @param {string} runId
     * @returns {Promise<Shapes["RunDetail"]>}
     */
    readRun: (id: string, runId: string) => Promise<Shapes["RunDetail"]>;
    /**
     * Wait until a run is settled; its `state` says how.
     * @param {string} id
     * @param {string} runId
     * @param {number} [seconds]
     * @returns {Promise<Shapes["RunDetail"]>}
     */
    waitForRun(id: string, runId: string, seconds?: number): Promise<Shapes["RunDetail"]>;
    /**
     * A file of a run; read it with `arrayBuffer()`, or as a stream by `body`.
     * @param {string} id
     * @param {string} runId
     * @param {Format} format
     * @returns {Promise<Response>}
     */
    downloadFile: (id: string, runId: string, format: Format) => Promise<Response>;
    /**
     * Repeat the failed steps of a run; no message is sent twice.
     * @param {string} id
     * @param {string} runId
     * @returns {Promise<Shapes["Retried"]>}
     */
    retryRun: (id: string, runId: string) => Promise<Shapes["Retried"]>;
    /**
     * Send the files of a run again, by default to those who did not certainly receive them.
     * @param {string} id
     * @param {string} runId
     * @param {Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}/runs/{runId}/resend", "post">} [options]
     * @returns {Promise<Shapes["Requested"]>}
     */
    resendRun: (id: string, runId: string, options?: Body<"/api/workspaces/{workspaceSlug}/reports/scheduled/{id}/runs/{runId}/resend", "post">) => Promise<Shapes["Requested"]>;
};
/** An answer that is no success; `details` has every problem of every field. */
export class ReportsError extends Error {
    /**
     * @param {number} status
     * @param {{error?: string, details?: Record<string, string[]>}} content
     */
    constructor(status: number, content: {
        error?: string;
        details?: Record<string, string[]>;
    });
    status: number;
    details: Record<string, string[]>;
}
export type Shapes = import("./api.d.ts").components["schemas"];
export type Paths = import("./api.d.ts").paths;
/**
 * The body of a request.
 */
export type Body<P extends keyof Paths, M extends "post" | "put"> = Paths[P][M] extends {
    requestBody?: {
        content: {
            "application/json": infer B;
        };
    };
} ? B : never;
export type Format = "pdf" | "csv" | "json" | "excel" | "html";
