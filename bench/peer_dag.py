"""The peer of the bursts: Airflow DAGs of one PythonOperator each, with pandas, openpyxl, WeasyPrint and the hooks.

Airflow reads this file in a folder of its own; `peer.json` and the folder `reports` beside it are made by `peer.py`.
It does what Airflow's manual recommends: heavy imports in the callable, and at the start of a task only its own DAG.
It draws the report's charts with `DataFrame.plot`, that is with matplotlib.  It keeps no record and claims no mail.
"""

import json
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, get_parsing_context

HERE = Path(__file__).parent
PLAN = json.loads((HERE / "peer.json").read_text()) if (HERE / "peer.json").exists() else {"reports": []}
ROW_LIMIT = 2_000
STYLE = "body { font: 10pt sans-serif } table { border-collapse: collapse } td, th { border: 1px solid; padding: 2px }"


def run_report(report_id: str, formats: list[str]) -> None:
    """Query, write every format, upload it to S3, mail all of them."""
    import tempfile

    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.providers.amazon.aws.hooks.ses import SesHook
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    report = json.loads((HERE / "reports" / f"{report_id}.json").read_text())
    database = PostgresHook(postgres_conn_id="reports_db")
    # A CSV has one table: nothing else is asked for it.
    wanted = report["tables"] if formats != ["csv"] else dict(list(report["tables"].items())[:1])
    frames = {title: database.get_df(sql) for title, sql in wanted.items()}
    bucket = S3Hook(aws_conn_id="reports_aws")
    pictures = draw(frames, report["charts"]) if {"html", "pdf"}.intersection(formats) else []
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, f"{report_id}.{'xlsx' if one == 'excel' else one}")) for one in formats]
        for chosen, file in zip(formats, files, strict=True):
            write(report["title"], frames, pictures, chosen, file)
            bucket.load_file(file, f"peer/{report_id}/{PLAN['run']}/{Path(file).name}", PLAN["bucket"], replace=True)
        SesHook(aws_conn_id="reports_aws").send_email(
            PLAN["sender"], report["to"], report["subject"], f"<p>{report['title']} is attached.</p>", files=files
        )


def draw(frames: dict, charts: list[dict]) -> list[str]:
    """Draw the charts as images for an HTML page."""
    import base64
    import io

    import matplotlib.pyplot as plt

    pictures = []
    for chart in charts:
        rows = frames[chart["table"]].head(25 if chart["kind"] == "barh" else 400)
        if rows.empty:
            continue
        axes = rows.plot(x=chart["x"], y=chart["y"], kind=chart["kind"], title=chart["title"], figsize=(7, 3))
        content = io.BytesIO()
        axes.figure.savefig(content, format="svg", bbox_inches="tight")
        plt.close(axes.figure)
        pictures.append(f'<img src="data:image/svg+xml;base64,{base64.b64encode(content.getvalue()).decode()}">')
    return pictures


def write(title: str, frames: dict, pictures: list[str], chosen: str, file: str) -> None:
    """Write all tables in one format; CSV has the first one alone."""
    import pandas as pd

    match chosen:
        case "csv":
            next(iter(frames.values())).to_csv(file, index=False)
        case "json":
            tables = {
                name: json.loads(frame.to_json(orient="records", date_format="iso")) for name, frame in frames.items()
            }
            Path(file).write_text(json.dumps(tables), encoding="utf-8")
        case "excel":
            with pd.ExcelWriter(file, engine="openpyxl") as book:
                for name, frame in frames.items():
                    frame.to_excel(book, sheet_name=name[:31], index=False)
        case "html":
            Path(file).write_text(page(title, frames, pictures), encoding="utf-8")
        case "pdf":
            from weasyprint import HTML

            HTML(string=page(title, frames, pictures)).write_pdf(file)


def page(title: str, frames: dict, pictures: list[str]) -> str:
    """Return an HTML page with the charts and all tables."""
    tables = "".join(f"<h2>{name}</h2>{frame.head(ROW_LIMIT).to_html(index=False)}" for name, frame in frames.items())
    body = f"<h1>{title}</h1>{''.join(pictures)}{tables}"
    return f"<!DOCTYPE html><html><head><style>{STYLE}</style></head><body>{body}</body></html>"


for report_id in PLAN["reports"]:
    dag_id = f"peer_{report_id}"
    if get_parsing_context().dag_id in {None, dag_id}:
        with DAG(
            dag_id,
            schedule=PLAN["cron"],
            catchup=False,
            max_active_runs=1,
            default_args={"retries": 3, "retry_delay": timedelta(seconds=5)},
        ) as dag:
            PythonOperator(
                task_id="report",
                python_callable=run_report,
                op_kwargs={"report_id": report_id, "formats": PLAN["formats"]},
                pool=PLAN["pool"],
            )
        globals()[dag_id] = dag
